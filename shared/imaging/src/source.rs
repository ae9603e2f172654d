//! What every source of pixels looks like to the maker of derivatives, whatever its format.

#[cfg(test)]
pub(crate) mod fixtures;
mod gif;
pub(crate) mod jpeg;
mod jpeg2000;
pub(crate) mod native;
mod open;
mod png;
mod tiff;
mod upright;
mod webp;

use dlcs_model::{Failure, FailureCode, SourceFormat, limits};
use serde::{Deserialize, Serialize};

pub use open::open;

/// How many colour samples a pixel has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// One, grey.
    Gray,
    /// Three: red, green, blue.
    Rgb,
}

impl Channels {
    /// Samples per pixel, without alpha.
    #[must_use]
    pub fn samples(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
        }
    }
}

/// How much colour detail the source has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chroma {
    /// Colour in every pixel.
    Full,
    /// Colour shared by neighbouring pixels, as in a usual JPEG: more would be stored for nothing.
    Subsampled,
}

/// What is known of a source before its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceInfo {
    /// Its format.
    pub format: SourceFormat,
    /// Pixels across, upright.
    pub width: u32,
    /// Pixels down, upright.
    pub height: u32,
    /// Grey or colour.
    pub channels: Channels,
    /// Whether every pixel ends with an alpha sample.
    pub alpha: bool,
    /// How much colour detail it has.
    pub chroma: Chroma,
    /// Whether its pixels were stored without loss.
    pub lossless: bool,
}

impl SourceInfo {
    /// Bytes of one pixel in the rows of this source.
    #[must_use]
    pub fn pixel_bytes(&self) -> usize {
        self.channels.samples() + usize::from(self.alpha)
    }

    /// Bytes of one row of this source.
    #[must_use]
    pub fn row_bytes(&self) -> usize {
        self.width as usize * self.pixel_bytes()
    }
}

/// A source that hands out its pixels from top to bottom.
pub trait RowSource: Send {
    /// What the rows are like; constant.
    fn info(&self) -> &SourceInfo;

    /// Bytes that reading takes at its peak, beside a few rows: almost none where the format can be read in strips.
    fn memory(&self) -> u64;

    /// Fills `rows` with the next whole rows: upright, 8 bit, sRGB or grey, interleaved, alpha last and not premultiplied.
    /// Returns how many rows were written; 0 is the end.
    ///
    /// # Errors
    /// `corrupt-image` when pixels are missing or damaged, `internal` when the file cannot be read.
    fn read_rows(&mut self, rows: &mut [u8]) -> Result<usize, Failure>;
}

/// What a source may be at most; checked before anything is allocated for its pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Pixels of a source that is decoded in strips.
    pub streamed_pixels: u64,
    /// Pixels of a source that must be decoded as a whole.
    pub whole_pixels: u64,
    /// Pixels of the longer side.
    pub side: u32,
}

impl Limits {
    /// Whether a source of this size may be decoded; `whole` says that all its pixels must be in memory at once.
    ///
    /// # Errors
    /// `corrupt-image` for an empty size, `too-many-pixels` with the size and the limit.
    pub fn admit(&self, width: u32, height: u32, whole: bool) -> Result<(), Failure> {
        if width == 0 || height == 0 {
            return Err(Failure::new(
                FailureCode::CorruptImage,
                format!("the image claims to be {width} x {height} pixels"),
            ));
        }
        let refuse = |limit: String| {
            let detail = format!("the image is {width} x {height} pixels; {limit}");
            Err(Failure::new(FailureCode::TooManyPixels, detail))
        };
        if width.max(height) > self.side {
            return refuse(format!("no side may be longer than {}", self.side));
        }
        let pixels = u64::from(width) * u64::from(height);
        if pixels > self.streamed_pixels {
            return refuse(format!("the limit is {} pixels", self.streamed_pixels));
        }
        if whole && pixels > self.whole_pixels {
            return refuse(format!(
                "the limit for its kind, which must be decoded as a whole, is {}",
                self.whole_pixels
            ));
        }
        Ok(())
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { streamed_pixels: limits::STREAMED_PIXELS, whole_pixels: limits::WHOLE_PIXELS, side: limits::SIDE_PIXELS }
    }
}
