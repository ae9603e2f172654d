//! Hashing passwords: argon2id, slow and greedy by design, so few at a time and never on a thread that serves.

use actix_web::web::block;
use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use dlcs_http::Problem;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

/// KiB of memory, passes and threads for one hash, as OWASP recommends.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Hashes made at the same time.
static SLOTS: Semaphore = Semaphore::const_new(2);

/// The hash of a password, with its parameters and a salt of its own.
///
/// # Errors
/// If the system gives no random numbers.
pub async fn hash(password: SecretString) -> Result<String, Problem> {
    let _slot = SLOTS.acquire().await.map_err(Problem::internal)?;
    block(move || compute(&password)).await.map_err(Problem::internal)?.map_err(Problem::internal)
}

fn compute(password: &SecretString) -> Result<String, String> {
    let (memory, passes, threads) = COST;
    let parameters = Params::new(memory, passes, threads, None).map_err(|error| error.to_string())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
    let hash = argon2.hash_password(password.expose_secret().as_bytes()).map_err(|error| error.to_string())?;
    Ok(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::password_hash::PasswordVerifier;
    use argon2::password_hash::phc::PasswordHash;

    #[test]
    fn a_hash_is_salted_and_says_how_it_was_made() {
        let password = SecretString::from("correct horse battery staple");
        let (first, second) = (compute(&password).unwrap(), compute(&password).unwrap());
        assert_ne!(first, second);
        assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
        let parsed = PasswordHash::new(&first).unwrap();
        let check = |text: &str| Argon2::default().verify_password(text.as_bytes(), &parsed).is_ok();
        assert!(check(password.expose_secret()) && !check("correct horse battery stapl") && !check(""));
    }
}
