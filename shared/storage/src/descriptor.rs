//! The descriptor: the one small object that delivery reads before anything else of an image.

use dlcs_model::ImageKey;
use serde::{Deserialize, Serialize};

/// What is needed to serve an image, and nothing else. Replacing this object is what publishes a registration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// Version of the format of this object and of the derivative, [`Descriptor::FORMAT`].
    pub format: u32,
    /// The image, spelled out, because keys carry only a hash of its id.
    pub image: ImageKey,
    /// Which registration this is.
    pub generation: i64,
    /// Width at full size, upright, in pixels.
    pub width: u32,
    /// Height at full size, upright, in pixels.
    pub height: u32,
    /// Side of a tile in pixels.
    pub tile: u32,
    /// How many levels the derivative has.
    pub levels: u32,
    /// Key of the derivative.
    pub derivative: String,
    /// Its size in bytes.
    pub derivative_bytes: u64,
    /// Bytes from its start that hold all directories: one read of these finds every tile.
    pub head_length: u64,
    /// The stored thumbnails, smallest first.
    pub thumbnails: Vec<Thumbnail>,
    /// Pixels on the long edge that anyone may see; -1 is no limit.
    pub max_unauthorised: i32,
    /// Roles that lift the limit.
    pub roles: Vec<String>,
    /// When the registration was published, in seconds since 1970; `Last-Modified` of everything served.
    pub modified: i64,
}

/// A stored thumbnail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thumbnail {
    /// Pixels on the long edge that it was made for.
    pub edge: u32,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub bytes: u64,
}

impl Descriptor {
    /// The version this code writes.
    pub const FORMAT: u32 = 1;
}
