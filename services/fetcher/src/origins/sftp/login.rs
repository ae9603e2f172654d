//! Showing an SSH server who we are.

use std::sync::Arc;

use dlcs_model::{Failure, FailureCode, SftpLogin};
use russh::MethodKind;
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, decode_secret_key};
use secrecy::{ExposeSecret, SecretString};

use super::host_key::{HostKey, failure};

/// Rounds of questions that are answered.
const ROUNDS: usize = 4;

pub(super) async fn log_in(session: &mut Handle<HostKey>, user: &str, login: &SftpLogin) -> Result<(), Failure> {
    let let_in = match login {
        SftpLogin::Password(password) => with_password(session, user, password).await?,
        SftpLogin::PrivateKey { key, passphrase } => {
            let key = read_key(key.clone(), passphrase.clone()).await?;
            let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
            session.authenticate_publickey(user, key).await.map_err(|error| failure(&error))?.success()
        }
    };
    if let_in { Ok(()) } else { Err(refused("the origin refuses the user and what the origin strategy has for it")) }
}

async fn with_password(session: &mut Handle<HostKey>, user: &str, password: &SecretString) -> Result<bool, Failure> {
    let answer = session.authenticate_password(user, password.expose_secret()).await;
    match answer.map_err(|error| failure(&error))? {
        AuthResult::Success => Ok(true),
        AuthResult::Failure { remaining_methods, .. } => {
            // Servers that leave passwords to PAM ask for them in their own words.
            let asks = remaining_methods.contains(&MethodKind::KeyboardInteractive);
            if asks { by_questions(session, user, password).await } else { Ok(false) }
        }
    }
}

async fn by_questions(session: &mut Handle<HostKey>, user: &str, password: &SecretString) -> Result<bool, Failure> {
    let mut answer = session.authenticate_keyboard_interactive_start(user, None).await;
    for _ in 0..ROUNDS {
        match answer.map_err(|error| failure(&error))? {
            KeyboardInteractiveAuthResponse::Success => return Ok(true),
            KeyboardInteractiveAuthResponse::Failure { .. } => return Ok(false),
            KeyboardInteractiveAuthResponse::InfoRequest { prompts, .. } => {
                let answers = prompts.iter().map(|_| password.expose_secret().to_owned()).collect();
                answer = session.authenticate_keyboard_interactive_respond(answers).await;
            }
        }
    }
    Ok(false)
}

/// On a thread of its own: a passphrase is made slow to guess.
async fn read_key(key: SecretString, passphrase: Option<SecretString>) -> Result<PrivateKey, Failure> {
    let read = move || decode_secret_key(key.expose_secret(), passphrase.as_ref().map(ExposeSecret::expose_secret));
    let read = tokio::task::spawn_blocking(read).await.map_err(|_| Failure::internal())?;
    let key = read.map_err(|error| match error {
        russh::keys::Error::KeyIsEncrypted => refused("the private key of the origin strategy needs its passphrase"),
        _ => refused("the private key of the origin strategy cannot be read with its passphrase"),
    })?;
    if key.algorithm().is_rsa() {
        return Err(refused(
            "the private key of the origin strategy is an RSA key; ed25519 and ecdsa keys are supported",
        ));
    }
    Ok(key)
}

fn refused(detail: &str) -> Failure {
    Failure::new(FailureCode::BadCredentials, detail)
}
