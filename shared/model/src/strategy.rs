//! How an origin is talked to.

use serde::{Deserialize, Serialize};

use crate::Scheme;
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
    /// Whether origins of this protocol can be talked to in this way.
    #[must_use]
    pub fn serves(self, scheme: Scheme) -> bool {
        use Scheme::{Ftp, Ftps, Http, Https, S3, Sftp};
        match self {
            Self::Default => true,
            Self::BasicHttpAuthentication => matches!(scheme, Http | Https),
            Self::S3Ambient | Self::S3Credentials => matches!(scheme, S3 | Http | Https),
            Self::Ftp => matches!(scheme, Ftp | Ftps),
            Self::Sftp => matches!(scheme, Sftp),
        }
    }

    /// Whether it needs stored credentials.
    #[must_use]
    pub fn requires_credentials(self) -> bool {
        match self {
            Self::Default | Self::S3Ambient => false,
            Self::BasicHttpAuthentication | Self::S3Credentials | Self::Ftp | Self::Sftp => true,
        }
    }
}
