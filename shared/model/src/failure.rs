//! The one list of reasons for which an item ends in error, what each means for a retry, and how it reads.

use std::time::Duration;

use crate::item::word_enum;
use serde::{Deserialize, Serialize};

word_enum! {
    /// Why an image could not be registered. The words are a public interface: none is ever renamed.
    FailureCode {
        /// The origin says there is no such thing.
        OriginNotFound = "origin-not-found",
        /// The origin refuses us.
        OriginForbidden = "origin-forbidden",
        /// No connection, or the name does not resolve.
        OriginUnreachable = "origin-unreachable",
        /// The origin was too slow.
        OriginTimeout = "origin-timeout",
        /// The origin's certificate cannot be trusted.
        OriginTls = "origin-tls",
        /// An answer of the origin that is no image and no plain refusal.
        OriginStatus = "origin-status",
        /// Too many redirects, or one we do not follow.
        OriginRedirect = "origin-redirect",
        /// The transfer ended early.
        OriginIncomplete = "origin-incomplete",
        /// The origin's address is one we never contact.
        BlockedAddress = "blocked-address",
        /// The stored credentials were refused.
        BadCredentials = "bad-credentials",
        /// The SFTP server is not the one we knew.
        HostKeyMismatch = "host-key-mismatch",
        /// More bytes than the limit.
        TooLarge = "too-large",
        /// More pixels than the limit.
        TooManyPixels = "too-many-pixels",
        /// The bytes are no image.
        NotAnImage = "not-an-image",
        /// An image, of a kind we do not read.
        UnsupportedFormat = "unsupported-format",
        /// An image of a kind we read, but damaged.
        CorruptImage = "corrupt-image",
        /// The decoder died on it.
        DecoderCrash = "decoder-crash",
        /// The customer's storage is full.
        QuotaExceeded = "quota-exceeded",
        /// A newer registration of the same image took its place.
        Superseded = "superseded",
        /// The batch was cancelled first.
        Cancelled = "cancelled",
        /// The image was deleted first.
        Deleted = "deleted",
        /// Our own fault.
        Internal = "internal",
    }
}

/// What a failure means for another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryClass {
    /// The same would happen again: the item ends now.
    Permanent,
    /// One more try with fresh bytes, then the item ends.
    Unsure,
    /// Worth trying until the attempts are spent.
    Transient,
    /// Our own trouble: never charged to the item, tried without limit.
    Ours,
    /// Nothing was tried, for it was not the item's turn: it comes back soon, at no charge.
    Waits,
}

impl FailureCode {
    /// The one table of retry classes.
    #[must_use]
    pub fn retry(self) -> RetryClass {
        match self {
            Self::OriginUnreachable | Self::OriginTimeout | Self::OriginIncomplete => RetryClass::Transient,
            Self::CorruptImage | Self::DecoderCrash => RetryClass::Unsure,
            Self::Internal => RetryClass::Ours,
            Self::OriginNotFound
            | Self::OriginForbidden
            | Self::OriginTls
            | Self::OriginStatus
            | Self::OriginRedirect
            | Self::BlockedAddress
            | Self::BadCredentials
            | Self::HostKeyMismatch
            | Self::TooLarge
            | Self::TooManyPixels
            | Self::NotAnImage
            | Self::UnsupportedFormat
            | Self::QuotaExceeded
            | Self::Superseded
            | Self::Cancelled
            | Self::Deleted => RetryClass::Permanent,
        }
    }

    /// The HTTP status with which an immediate registration that failed this way is answered (api.md, Image).
    #[must_use]
    pub fn http_status(self) -> u16 {
        match self {
            Self::OriginNotFound
            | Self::OriginForbidden
            | Self::OriginUnreachable
            | Self::OriginTimeout
            | Self::OriginTls
            | Self::OriginStatus
            | Self::OriginRedirect
            | Self::OriginIncomplete
            | Self::BlockedAddress
            | Self::BadCredentials
            | Self::HostKeyMismatch => 502,
            Self::TooLarge | Self::TooManyPixels => 413,
            Self::NotAnImage | Self::UnsupportedFormat | Self::CorruptImage | Self::DecoderCrash => 422,
            Self::QuotaExceeded => 507,
            Self::Superseded | Self::Cancelled | Self::Deleted => 409,
            Self::Internal => 500,
        }
    }
}

/// A failure as a worker reports it: the code, one sentence for a person, and what it implies for a retry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub struct Failure {
    /// Which of the known failures.
    pub code: FailureCode,
    /// One readable sentence with the fact that helps. Never an internal address, credential or path.
    pub detail: String,
    /// The retry class, [`FailureCode::retry`] unless the circumstances say otherwise (an HTTP 503, say).
    pub class: RetryClass,
    /// Not before this long, when the other side said so.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// The longest detail kept, in characters.
    pub const MAX_DETAIL: usize = 300;

    /// A failure of the code's usual class. Control characters in `detail` become spaces.
    #[must_use]
    pub fn new(code: FailureCode, detail: impl Into<String>) -> Self {
        let detail: String = detail.into();
        let printable = detail.chars().map(|c| if c.is_control() { ' ' } else { c });
        Self { code, detail: printable.take(Self::MAX_DETAIL).collect(), class: code.retry(), retry_after: None }
    }

    /// The same failure, worth another try all the same.
    #[must_use]
    pub fn transient(mut self, retry_after: Option<Duration>) -> Self {
        self.class = RetryClass::Transient;
        self.retry_after = retry_after;
        self
    }

    /// Our own trouble; `detail` goes to the log only, the public sentence is constant.
    #[must_use]
    pub fn internal() -> Self {
        Self::new(FailureCode::Internal, "something went wrong on our side; the image will be tried again")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_the_published_ones() {
        let words: Vec<_> = FailureCode::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(
            words.join(" "),
            "origin-not-found origin-forbidden origin-unreachable origin-timeout origin-tls origin-status \
             origin-redirect origin-incomplete blocked-address bad-credentials host-key-mismatch too-large \
             too-many-pixels not-an-image unsupported-format corrupt-image decoder-crash quota-exceeded superseded \
             cancelled deleted internal"
        );
    }

    #[test]
    fn details_are_short_and_printable() {
        let failure = Failure::new(FailureCode::OriginStatus, format!("a\r\nb\u{1b}[31m{}", "x".repeat(900)));
        assert!(failure.detail.starts_with("a  b [31m"));
        assert_eq!(failure.detail.chars().count(), Failure::MAX_DETAIL);
    }
}
