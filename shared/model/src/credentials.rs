//! What an origin strategy knows of an origin, opened. Secrets are never shown.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::OriginStrategy;

/// The credentials of one strategy.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields of the API's credentials, under the same names")]
pub enum Credentials {
    /// HTTP Basic.
    Basic { user: String, password: SecretString },
    /// Keys of an S3 account; an endpoint is the base URL of a service that is not Amazon's.
    S3 {
        access_key_id: String,
        secret_access_key: SecretString,
        session_token: Option<SecretString>,
        region: Option<String>,
        endpoint: Option<String>,
    },
    /// FTP and FTPS.
    Ftp { user: String, password: SecretString },
    /// SFTP; a host key is `ssh-ed25519 AAAA…` or `SHA256:…`.
    Sftp { user: String, login: SftpLogin, host_key: Option<String> },
}

/// How an SFTP user shows who they are.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields of the API's credentials, under the same names")]
pub enum SftpLogin {
    Password(SecretString),
    /// In OpenSSH's or PEM's form.
    PrivateKey {
        key: SecretString,
        passphrase: Option<SecretString>,
    },
}

impl Credentials {
    /// The strategy that they are for.
    #[must_use]
    pub fn strategy(&self) -> OriginStrategy {
        match self {
            Self::Basic { .. } => OriginStrategy::BasicHttpAuthentication,
            Self::S3 { .. } => OriginStrategy::S3Credentials,
            Self::Ftp { .. } => OriginStrategy::Ftp,
            Self::Sftp { .. } => OriginStrategy::Sftp,
        }
    }

    /// As they are sealed.
    #[must_use]
    pub fn encode(&self) -> SecretString {
        SecretString::from(serde_json::to_string(&Stored::of(self)).unwrap_or_default())
    }

    /// What was sealed; nothing if it is none of these.
    #[must_use]
    pub fn decode(text: &SecretString) -> Option<Self> {
        serde_json::from_str::<Stored>(text.expose_secret()).ok().map(Stored::into_credentials)
    }
}

/// What is sealed. A form is added, none is ever changed.
#[derive(Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
enum Stored {
    Basic {
        user: String,
        password: String,
    },
    S3 {
        access_key_id: String,
        secret_access_key: String,
        session_token: Option<String>,
        region: Option<String>,
        endpoint: Option<String>,
    },
    Ftp {
        user: String,
        password: String,
    },
    SftpPassword {
        user: String,
        password: String,
        host_key: Option<String>,
    },
    SftpKey {
        user: String,
        private_key: String,
        passphrase: Option<String>,
        host_key: Option<String>,
    },
}

impl Stored {
    fn of(credentials: &Credentials) -> Self {
        let shown = |secret: &SecretString| secret.expose_secret().to_owned();
        match credentials.clone() {
            Credentials::Basic { user, password } => Self::Basic { user, password: shown(&password) },
            Credentials::S3 { access_key_id, secret_access_key, session_token, region, endpoint } => Self::S3 {
                access_key_id,
                secret_access_key: shown(&secret_access_key),
                session_token: session_token.as_ref().map(shown),
                region,
                endpoint,
            },
            Credentials::Ftp { user, password } => Self::Ftp { user, password: shown(&password) },
            Credentials::Sftp { user, login: SftpLogin::Password(password), host_key } => {
                Self::SftpPassword { user, password: shown(&password), host_key }
            }
            Credentials::Sftp { user, login: SftpLogin::PrivateKey { key, passphrase }, host_key } => {
                let passphrase = passphrase.as_ref().map(shown);
                Self::SftpKey { user, private_key: shown(&key), passphrase, host_key }
            }
        }
    }

    fn into_credentials(self) -> Credentials {
        match self {
            Self::Basic { user, password } => Credentials::Basic { user, password: password.into() },
            Self::S3 { access_key_id, secret_access_key, session_token, region, endpoint } => Credentials::S3 {
                access_key_id,
                secret_access_key: secret_access_key.into(),
                session_token: session_token.map(Into::into),
                region,
                endpoint,
            },
            Self::Ftp { user, password } => Credentials::Ftp { user, password: password.into() },
            Self::SftpPassword { user, password, host_key } => {
                Credentials::Sftp { user, login: SftpLogin::Password(password.into()), host_key }
            }
            Self::SftpKey { user, private_key, passphrase, host_key } => {
                let login = SftpLogin::PrivateKey { key: private_key.into(), passphrase: passphrase.map(Into::into) };
                Credentials::Sftp { user, login, host_key }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_can_be_read_for_ever_and_is_never_shown() {
        let sealed = [
            r#"{"is":"basic","user":"u","password":"hidden"}"#,
            r#"{"is":"s3","access_key_id":"a","secret_access_key":"hidden","session_token":null,"region":"r","endpoint":null}"#,
            r#"{"is":"ftp","user":"u","password":"hidden"}"#,
            r#"{"is":"sftp-password","user":"u","password":"hidden","host_key":null}"#,
            r#"{"is":"sftp-key","user":"u","private_key":"hidden","passphrase":"hidden","host_key":"SHA256:x"}"#,
        ];
        for text in sealed {
            let credentials = Credentials::decode(&SecretString::from(text)).unwrap();
            assert_eq!(credentials.encode().expose_secret(), text);
            assert!(!format!("{credentials:?}").contains("hidden"), "{credentials:?}");
            assert!(credentials.strategy().requires_credentials());
        }
        assert!(Credentials::decode(&SecretString::from("{}")).is_none());
    }
}
