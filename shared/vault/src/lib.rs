//! Secrets at rest, in envelopes: each is encrypted with a random key of its own, and that key with one of a few master
//! keys that never lie beside them. So a master key is exchanged without touching a secret, and a dump of the database
//! opens none.

mod keys;
mod sealed;
mod settings;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use secrecy::SecretString;
use zeroize::Zeroizing;

use keys::{KEY_BYTES, Master};
pub use sealed::Sealed;
pub use settings::VaultSettings;

/// Why a secret was not sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// No master keys are configured.
    #[error("no keys are configured: set DLCS_VAULT_KEY_FILE")]
    NoKeys,
    /// The master key that it was sealed with is not configured here.
    #[error("the key {0:?} is not among the configured ones")]
    UnknownKey(String),
    /// It was changed, or belongs somewhere else.
    #[error("a secret cannot be opened: it was sealed for something else, or is damaged")]
    Mismatch,
    /// The system gives no random numbers.
    #[error("the system gives no random numbers")]
    Random,
}

/// The master keys of this deployment. The first seals, all open.
pub struct Vault {
    masters: Vec<Master>,
    random: SystemRandom,
}

impl Vault {
    /// The vault that these settings describe; without keys it neither seals nor opens.
    ///
    /// # Errors
    /// If the keys cannot be read.
    pub fn new(settings: &VaultSettings) -> anyhow::Result<Self> {
        Ok(Self { masters: settings.read()?, random: SystemRandom::new() })
    }

    /// The id of the key that seals.
    ///
    /// # Errors
    /// If there is none.
    pub fn current(&self) -> Result<&str, VaultError> {
        Ok(&self.first()?.id)
    }

    /// Seals a secret for one place: what it belongs to, in words that are the same each time.
    ///
    /// # Errors
    /// If there are no keys or no random numbers.
    pub fn seal(&self, secret: &SecretString, place: &str) -> Result<Sealed, VaultError> {
        use secrecy::ExposeSecret;
        let mut own = Zeroizing::new([0; KEY_BYTES]);
        self.random.fill(own.as_mut()).map_err(|_| VaultError::Random)?;
        let master = self.first()?;
        Ok(Sealed {
            key_id: master.id.clone(),
            wrapped_key: self.encrypt(&master.key, own.as_ref(), &wrapping(&master.id, place))?,
            secret: self.encrypt(&own, secret.expose_secret().as_bytes(), place)?,
        })
    }

    /// Opens what was sealed for this place.
    ///
    /// # Errors
    /// If its key is not known, or it was sealed for another place.
    pub fn open(&self, sealed: &Sealed, place: &str) -> Result<SecretString, VaultError> {
        let own = self.unwrap_key(sealed, place)?;
        let bytes = decrypt(&own, &sealed.secret, place)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| VaultError::Mismatch)?;
        Ok(SecretString::from(text))
    }

    /// The same secret under the key that seals now; nothing if it is already. The secret itself is not opened.
    ///
    /// # Errors
    /// If its key is not known, or it was sealed for another place.
    pub fn renew(&self, sealed: &Sealed, place: &str) -> Result<Option<Sealed>, VaultError> {
        let master = self.first()?;
        if sealed.key_id == master.id {
            return Ok(None);
        }
        let own = self.unwrap_key(sealed, place)?;
        let wrapped_key = self.encrypt(&master.key, own.as_ref(), &wrapping(&master.id, place))?;
        Ok(Some(Sealed { key_id: master.id.clone(), wrapped_key, secret: sealed.secret.clone() }))
    }

    fn first(&self) -> Result<&Master, VaultError> {
        self.masters.first().ok_or(VaultError::NoKeys)
    }

    fn unwrap_key(&self, sealed: &Sealed, place: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>, VaultError> {
        if self.masters.is_empty() {
            return Err(VaultError::NoKeys);
        }
        let master = self.masters.iter().find(|master| master.id == sealed.key_id);
        let master = master.ok_or_else(|| VaultError::UnknownKey(sealed.key_id.clone()))?;
        let bytes = decrypt(&master.key, &sealed.wrapped_key, &wrapping(&master.id, place))?;
        let own: [u8; KEY_BYTES] = bytes.as_slice().try_into().map_err(|_| VaultError::Mismatch)?;
        Ok(Zeroizing::new(own))
    }

    /// A random nonce, then the text and its tag.
    fn encrypt(&self, key: &[u8; KEY_BYTES], text: &[u8], place: &str) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| VaultError::Random)?;
        let mut bytes = Zeroizing::new(text.to_vec());
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        let tag = cipher(key)?.seal_in_place_separate_tag(nonce_of, Aad::from(place), &mut bytes);
        let tag = tag.map_err(|_| VaultError::Mismatch)?;
        Ok([&nonce[..], &bytes, tag.as_ref()].concat())
    }
}

/// Binds a wrapped key to the id that it says it was wrapped with.
fn wrapping(id: &str, place: &str) -> String {
    format!("key {id} of {place}")
}

fn decrypt(key: &[u8; KEY_BYTES], sealed: &[u8], place: &str) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let (nonce, text) = sealed.split_at_checked(NONCE_LEN).ok_or(VaultError::Mismatch)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| VaultError::Mismatch)?;
    let mut bytes = Zeroizing::new(text.to_vec());
    let opened = cipher(key)?.open_in_place(nonce, Aad::from(place), &mut bytes);
    let length = opened.map_err(|_| VaultError::Mismatch)?.len();
    bytes.truncate(length);
    Ok(bytes)
}

fn cipher(key: &[u8; KEY_BYTES]) -> Result<LessSafeKey, VaultError> {
    Ok(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).map_err(|_| VaultError::Mismatch)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    const HERE: &str = "customer 2, strategy 7";

    fn vault(ids: &[&str]) -> Vault {
        let line = |id: &&str| format!("{id}:{}", keys::tests::key(id));
        let keys = ids.iter().map(line).collect::<Vec<_>>().join(",");
        Vault::new(&VaultSettings { keys: Some(keys.into()), key_file: None }).unwrap()
    }

    fn secret() -> SecretString {
        SecretString::from("correct horse battery staple")
    }

    #[test]
    fn what_is_sealed_can_be_opened_in_its_place_only() {
        let vault = vault(&["one"]);
        let sealed = vault.seal(&secret(), HERE).unwrap();
        assert_eq!(vault.open(&sealed, HERE).unwrap().expose_secret(), secret().expose_secret());
        let other = vault.open(&sealed, "customer 3, strategy 7");
        assert!(matches!(other, Err(VaultError::Mismatch)));
        let again = vault.seal(&secret(), HERE).unwrap();
        assert_ne!((&sealed.secret, &sealed.wrapped_key), (&again.secret, &again.wrapped_key));
        let mixed = Sealed { secret: again.secret, ..sealed };
        assert!(matches!(vault.open(&mixed, HERE), Err(VaultError::Mismatch)));
    }

    #[test]
    fn every_changed_bit_is_noticed() {
        let vault = vault(&["one"]);
        let sealed = vault.seal(&secret(), HERE).unwrap();
        for place in 0..sealed.secret.len() {
            let mut changed = sealed.clone();
            changed.secret[place] ^= 1;
            assert!(vault.open(&changed, HERE).is_err(), "byte {place}");
        }
        for place in 0..sealed.wrapped_key.len() {
            let mut changed = sealed.clone();
            changed.wrapped_key[place] ^= 1;
            assert!(vault.open(&changed, HERE).is_err(), "byte {place} of the key");
        }
        assert!(vault.open(&Sealed { secret: Vec::new(), ..sealed }, HERE).is_err());
    }

    #[test]
    fn master_keys_are_exchanged_without_touching_a_secret() {
        let (old, both, new) = (vault(&["old"]), vault(&["new", "old"]), vault(&["new"]));
        let sealed = old.seal(&secret(), HERE).unwrap();
        assert!(matches!(new.open(&sealed, HERE), Err(VaultError::UnknownKey(id)) if id == "old"));
        assert_eq!(both.open(&sealed, HERE).unwrap().expose_secret(), secret().expose_secret());
        let renewed = both.renew(&sealed, HERE).unwrap().unwrap();
        assert_eq!((renewed.key_id.as_str(), &renewed.secret), ("new", &sealed.secret));
        assert_eq!(new.open(&renewed, HERE).unwrap().expose_secret(), secret().expose_secret());
        assert!(both.renew(&renewed, HERE).unwrap().is_none());
        let renamed = Sealed { key_id: "new".to_owned(), ..sealed };
        assert!(matches!(both.open(&renamed, HERE), Err(VaultError::Mismatch)));
    }

    #[test]
    fn without_keys_nothing_is_sealed() {
        let none = Vault::new(&VaultSettings::default()).unwrap();
        assert!(matches!(none.seal(&secret(), HERE), Err(VaultError::NoKeys)));
        let sealed = vault(&["one"]).seal(&secret(), HERE).unwrap();
        assert!(matches!(none.open(&sealed, HERE), Err(VaultError::NoKeys)));
    }
}
