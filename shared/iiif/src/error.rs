//! Why a request is refused.

/// A request that is not served. The text is meant for the person who sent it and names the limit that it broke.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// A parameter is not in any form the version has.
    #[error("the {parameter} \"{text}\" is not one of: {expected}")]
    Malformed {
        /// `region`, `size`, `rotation`, `quality` or `format`.
        parameter: &'static str,
        /// What was sent, cut to a readable length.
        text: String,
        /// The forms there are.
        expected: &'static str,
    },
    /// The region has no pixels in the image.
    #[error("the region has no pixels in common with the image of {width} x {height} pixels")]
    OutsideImage {
        /// Width of the image.
        width: u32,
        /// Height of the image.
        height: u32,
    },
    /// The result would have no pixels.
    #[error("the size would be {width} x {height} pixels")]
    Empty {
        /// Width asked for.
        width: u32,
        /// Height asked for.
        height: u32,
    },
    /// Enlarging without `^`.
    #[error(
        "the size {width} x {height} is larger than the region of {region_width} x {region_height} pixels; put ^ in front of the size to enlarge"
    )]
    Upscaling {
        /// Width asked for.
        width: u32,
        /// Height asked for.
        height: u32,
        /// Width of the region.
        region_width: u32,
        /// Height of the region.
        region_height: u32,
    },
    /// Over a limit of the service.
    #[error(
        "the size {width} x {height} is over a limit of this service: maxWidth {max_width}, maxHeight {max_width}, maxArea {max_area}"
    )]
    TooLarge {
        /// Width asked for.
        width: u32,
        /// Height asked for.
        height: u32,
        /// The longest side.
        max_width: u32,
        /// The most pixels.
        max_area: u64,
    },
    /// Larger than what anyone may see without a role.
    #[error("without a role this image is open up to {open_edge} pixels on its long edge")]
    NotOpen {
        /// Pixels on the long edge of the whole image.
        open_edge: u32,
    },
}

impl RequestError {
    /// The HTTP status that says the same.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Malformed { .. }
            | Self::OutsideImage { .. }
            | Self::Empty { .. }
            | Self::Upscaling { .. }
            | Self::TooLarge { .. } => 400,
            Self::NotOpen { .. } => 401,
        }
    }

    pub(crate) fn malformed(parameter: &'static str, text: &str, expected: &'static str) -> Self {
        Self::Malformed { parameter, text: text.chars().take(60).collect(), expected }
    }
}

/// A pixel count of at most ten digits that fits 32 bits.
pub(crate) fn pixels(text: &str) -> Option<u32> {
    let plain = (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}
