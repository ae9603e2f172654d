//! THE layout of the object store. Nobody formats a key elsewhere.
//!
//! ```text
//! staging/{batch}/{ordinal}-{token}                          fetched bytes, until they are processed
//! uploads/{customer}/{token}                                 bytes that a client sent, until they are processed
//! images/{customer}/{space}/{hh}/{hash}/descriptor.json      the pointer to the current derivative
//! images/{customer}/{space}/{hh}/{hash}/g{generation}-{token}/image.tif
//! images/{customer}/{space}/{hh}/{hash}/g{generation}-{token}/thumb-{edge}.jpg
//! names/{customer name, lower case}                          the customer's number
//! ```
//! `hash` is the first 32 hex digits of SHA-256 of the image's id, so that no text of a client ever stands in a path;
//! `hh` its first two, so that no directory grows large.

use std::fmt;

use dlcs_model::{BatchId, CustomerId, ImageKey};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A place in the object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageKey<'a> {
    /// What the fetcher brought for one attempt at one item.
    Staging {
        /// The item's batch.
        batch: BatchId,
        /// The item's place in it.
        ordinal: i32,
        /// The attempt.
        token: Uuid,
    },
    /// Bytes that came with a registration.
    Upload {
        /// Whose.
        customer: CustomerId,
        /// Which.
        token: Uuid,
    },
    /// The descriptor of an image.
    Descriptor(&'a ImageKey),
    /// The derivative of one attempt at one generation.
    Derivative(Generation<'a>),
    /// A stored thumbnail.
    Thumbnail(Generation<'a>, u32),
    /// The number behind a customer's name.
    CustomerName(&'a str),
}

/// One attempt at one registration of an image; everything derived by it lives under one prefix, written once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation<'a> {
    /// The image.
    pub image: &'a ImageKey,
    /// The registration.
    pub generation: i64,
    /// The attempt.
    pub token: Uuid,
}

impl fmt::Display for Generation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/g{}-{}", ImagePrefix(self.image), self.generation, self.token.simple())
    }
}

/// Everything of one image.
struct ImagePrefix<'a>(&'a ImageKey);

impl fmt::Display for ImagePrefix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ImageKey { customer, space, id } = self.0;
        let digest = Sha256::digest(id.as_str().as_bytes());
        write!(f, "images/{customer}/{space}/{:02x}/", digest[0])?;
        digest[..16].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for StorageKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Staging { batch, ordinal, token } => write!(f, "staging/{batch}/{ordinal}-{}", token.simple()),
            Self::Upload { customer, token } => write!(f, "uploads/{customer}/{}", token.simple()),
            Self::Descriptor(image) => write!(f, "{}/descriptor.json", ImagePrefix(image)),
            Self::Derivative(generation) => write!(f, "{generation}/image.tif"),
            Self::Thumbnail(generation, edge) => write!(f, "{generation}/thumb-{edge}.jpg"),
            Self::CustomerName(name) => write!(f, "names/{}", name.to_lowercase()),
        }
    }
}

impl StorageKey<'_> {
    /// Where all fetched bytes are.
    pub const STAGING: &'static str = "staging";
    /// Where everything is that is served.
    pub const IMAGES: &'static str = "images";
    /// Where all sent bytes are.
    pub const UPLOADS: &'static str = "uploads";

    /// The media type the object is stored with.
    #[must_use]
    pub fn media_type(&self) -> &'static str {
        match self {
            Self::Staging { .. } | Self::Upload { .. } => "application/octet-stream",
            Self::Descriptor(_) => "application/json",
            Self::Derivative(_) => "image/tiff",
            Self::Thumbnail(..) => "image/jpeg",
            Self::CustomerName(_) => "text/plain",
        }
    }
}

/// The key of bytes that wait to be processed, read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StagingKey {
    /// See [`StorageKey::Staging`].
    Fetched {
        /// The item's batch.
        batch: BatchId,
        /// The item's place in it.
        ordinal: i32,
        /// The attempt.
        token: Uuid,
    },
    /// See [`StorageKey::Upload`].
    Sent,
}

impl StagingKey {
    /// Nothing for any other key.
    #[must_use]
    pub fn parse(key: &str) -> Option<Self> {
        let (folder, rest) = key.split_once('/')?;
        let (parent, name) = rest.split_once('/')?;
        match folder {
            StorageKey::STAGING => {
                let (ordinal, token) = name.split_once('-')?;
                let (batch, token) = (BatchId(parent.parse().ok()?), Uuid::try_parse(token).ok()?);
                Some(Self::Fetched { batch, ordinal: ordinal.parse().ok()?, token })
            }
            StorageKey::UPLOADS => Uuid::try_parse(name).ok().map(|_| Self::Sent),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlcs_model::{ImageId, SpaceId};

    #[test]
    fn the_layout_is_fixed() {
        let image = ImageKey { customer: CustomerId(2), space: SpaceId(3), id: ImageId::new("page-1").unwrap() };
        let token = Uuid::from_u128(7);
        let generation = Generation { image: &image, generation: 5, token };
        let keys = [
            StorageKey::Staging { batch: BatchId(9), ordinal: 4, token },
            StorageKey::Upload { customer: CustomerId(2), token },
            StorageKey::Descriptor(&image),
            StorageKey::Derivative(generation),
            StorageKey::Thumbnail(generation, 400),
            StorageKey::CustomerName("Wellcome"),
        ];
        let text: Vec<_> = keys.iter().map(ToString::to_string).collect();
        let expected = [
            "staging/9/4-00000000000000000000000000000007",
            "uploads/2/00000000000000000000000000000007",
            "images/2/3/0e/0eb236e50de35c59c03b63629624351a/descriptor.json",
            "images/2/3/0e/0eb236e50de35c59c03b63629624351a/g5-00000000000000000000000000000007/image.tif",
            "images/2/3/0e/0eb236e50de35c59c03b63629624351a/g5-00000000000000000000000000000007/thumb-400.jpg",
            "names/wellcome",
        ];
        assert_eq!(text, expected);
        let fetched = StagingKey::Fetched { batch: BatchId(9), ordinal: 4, token };
        let parsed: Vec<_> = text.iter().map(|key| StagingKey::parse(key)).collect();
        assert_eq!(parsed, [Some(fetched), Some(StagingKey::Sent), None, None, None, None]);
    }
}
