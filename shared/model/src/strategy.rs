//! How an origin is talked to.

use serde::{Deserialize, Serialize};

use crate::item::word_enum;

word_enum! {
    /// The ways in which an origin can be talked to. The words are a public interface.
    OriginStrategy {
        /// As anyone could.
        Default = "default",
        /// HTTP with a user and a password.
        BasicHttpAuthentication = "basic-http-authentication",
        /// S3 as whoever runs the system.
        S3Ambient = "s3-ambient",
        /// S3 with keys.
        S3Credentials = "s3-credentials",
        /// FTP with a user and a password.
        Ftp = "ftp",
        /// SFTP with a user and a password or a key.
        Sftp = "sftp",
    }
}

impl OriginStrategy {
    /// Whether it needs stored credentials.
    #[must_use]
    pub fn requires_credentials(self) -> bool {
        match self {
            Self::Default | Self::S3Ambient => false,
            Self::BasicHttpAuthentication | Self::S3Credentials | Self::Ftp | Self::Sftp => true,
        }
    }
}
