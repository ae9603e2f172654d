//! What an origin strategy knows of an origin, opened. Secrets are wiped when they are dropped, and never shown.

use secrecy::SecretString;

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
