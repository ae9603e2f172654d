//! Where an image is fetched from.

use std::fmt;

use serde::{Deserialize, Serialize};
use url::Url;

use crate::item::word_enum;

word_enum! {
    /// The protocols an origin may name.
    Scheme {
        /// Plain HTTP.
        Http = "http",
        /// HTTP over TLS.
        Https = "https",
        /// An S3 bucket and key.
        S3 = "s3",
        /// Plain FTP.
        Ftp = "ftp",
        /// FTP over TLS.
        Ftps = "ftps",
        /// Files over SSH.
        Sftp = "sftp",
    }
}

/// An origin that has the form we accept. Whether it can be reached is found out by fetching.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    scheme: Scheme,
    url: Url,
}

/// Why a string is no usable origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OriginError {
    /// Longer than [`Origin::MAX_BYTES`].
    #[error("an origin may have at most {max} bytes", max = Origin::MAX_BYTES)]
    TooLong,
    /// Not an absolute URI.
    #[error("not an absolute URI: {0}")]
    Malformed(String),
    /// A protocol we do not fetch from.
    #[error("scheme \"{0}\" is not one of http, https, s3, ftp, ftps, sftp")]
    Scheme(String),
    /// No host, or for S3 no bucket.
    #[error("the URI names no host")]
    NoHost,
    /// `user:password@`: credentials belong to an origin strategy.
    #[error("user names and passwords do not belong in an origin; use an origin strategy")]
    UserInfo,
    /// White space or control characters, which URL parsers drop silently.
    #[error("white space and control characters must be percent-encoded")]
    Whitespace,
}

impl Origin {
    /// The longest origin, in bytes.
    pub const MAX_BYTES: usize = 4096;

    /// Parses an origin.
    ///
    /// # Errors
    /// The first thing that makes `text` unusable.
    pub fn parse(text: &str) -> Result<Self, OriginError> {
        if text.len() > Self::MAX_BYTES {
            return Err(OriginError::TooLong);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(OriginError::Whitespace);
        }
        let url = Url::parse(text).map_err(|e| OriginError::Malformed(e.to_string()))?;
        let scheme = Scheme::from_word(url.scheme()).ok_or_else(|| OriginError::Scheme(url.scheme().to_owned()))?;
        if url.host_str().is_none_or(str::is_empty) {
            return Err(OriginError::NoHost);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(OriginError::UserInfo);
        }
        Ok(Self { scheme, url })
    }

    /// Its protocol.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The parsed URL.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_every_protocol() {
        for scheme in Scheme::ALL {
            let origin = Origin::parse(&format!("{scheme}://host/path/a.jpg")).unwrap();
            assert_eq!(origin.scheme(), *scheme);
        }
    }

    #[test]
    fn names_what_is_wrong() {
        let cases = [
            ("page.jpg", "not an absolute URI"),
            ("gopher://h/x", "scheme \"gopher\""),
            ("file:///etc/passwd", "scheme \"file\""),
            ("http://", "not an absolute URI"),
            ("s3:///key", "names no host"),
            ("http://u:p@host/x", "origin strategy"),
            ("http://ho\tst/x", "percent-encoded"),
            (" http://host/x", "percent-encoded"),
        ];
        for (text, expected) in cases {
            let error = Origin::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
