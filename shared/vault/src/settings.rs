//! Where the master keys are.

use std::path::PathBuf;

use anyhow::Context as _;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::keys::{self, Master};

/// Settings of the vault.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Vault")]
pub struct VaultSettings {
    /// A file with the keys that encrypt stored credentials: `id:base64` of 32 random bytes, one a line. The first encrypts, all
    /// decrypt; without any, no credentials can be stored.
    #[arg(long = "vault-key-file", env = "DLCS_VAULT_KEY_FILE", conflicts_with = "keys")]
    pub key_file: Option<PathBuf>,

    /// The same keys, separated by commas, where there is no file for secrets.
    #[arg(long = "vault-keys", env = "DLCS_VAULT_KEYS", hide_env_values = true)]
    pub keys: Option<SecretString>,
}

impl VaultSettings {
    pub(crate) fn read(&self) -> anyhow::Result<Vec<Master>> {
        match self {
            Self { key_file: Some(path), .. } => {
                let text = std::fs::read_to_string(path).map(Zeroizing::new);
                keys::read(&text.with_context(|| format!("the vault's keys in {} cannot be read", path.display()))?)
            }
            Self { keys: Some(text), .. } => keys::read(text.expose_secret()),
            Self { key_file: None, keys: None } => Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::tests::key;

    #[test]
    fn keys_come_from_a_file_or_from_the_environment() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("one:{}\n", key("one"))).unwrap();
        let from_file = VaultSettings { key_file: Some(file.path().to_owned()), keys: None };
        assert_eq!(from_file.read().unwrap()[0].id, "one");
        let given = VaultSettings { key_file: None, keys: Some(format!("two:{}", key("two")).into()) };
        assert_eq!(given.read().unwrap()[0].id, "two");
        assert!(VaultSettings::default().read().unwrap().is_empty());
        let missing = VaultSettings { key_file: Some("/nowhere/keys".into()), keys: None };
        assert!(missing.read().is_err());
    }
}
