//! What the decoder of one format hands to the common stages: rows as the file stores them.

use std::fmt::Display;
use std::io::ErrorKind;

use dlcs_model::{Failure, FailureCode, SourceFormat};
use moxcms::ColorProfile;

use crate::orientation::Orientation;
use crate::source::Chroma;

/// How the colour samples of a stored pixel are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    /// One sample, 0 is black.
    Gray,
    /// Red, green, blue.
    Rgb,
    /// Cyan, magenta, yellow, black; 0 is no ink.
    Cmyk,
}

impl Model {
    /// Colour samples of a pixel.
    pub(crate) fn samples(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// What is known of a file before its pixels, as it is stored: not upright, in its own colours.
#[derive(Debug)]
pub(crate) struct Native {
    pub(crate) format: SourceFormat,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) model: Model,
    /// A last sample of every pixel is its opacity, not premultiplied. Never with CMYK.
    pub(crate) alpha: bool,
    /// Samples have 16 bits.
    pub(crate) sixteen: bool,
    pub(crate) chroma: Chroma,
    pub(crate) lossless: bool,
    pub(crate) orientation: Orientation,
    /// The colours' profile, when the file names one that can be read.
    pub(crate) profile: Option<Box<ColorProfile>>,
}

impl Native {
    /// Samples of a pixel, alpha included.
    pub(crate) fn samples(&self) -> usize {
        self.model.samples() + usize::from(self.alpha)
    }

    /// Samples of a row.
    pub(crate) fn row_samples(&self) -> usize {
        self.width as usize * self.samples()
    }
}

/// One stored row, interleaved.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Row<'a> {
    Eight(&'a [u8]),
    Sixteen(&'a [u16]),
}

/// The decoder of one format.
pub(crate) trait NativeRows: Send {
    /// What the rows are like; constant.
    fn native(&self) -> &Native;

    /// Bytes that decoding takes at its peak, beside a few rows.
    fn memory(&self) -> u64;

    /// The next stored row. Called exactly as often as there are rows.
    fn next_row(&mut self) -> Result<Row<'_>, Failure>;
}

/// A damaged file; `cause` says how.
pub(crate) fn corrupt(format: SourceFormat, cause: impl Display) -> Failure {
    Failure::new(FailureCode::CorruptImage, format!("the {} file is damaged: {cause}", name(format)))
}

/// A file that ends too early.
pub(crate) fn truncated(format: SourceFormat) -> Failure {
    corrupt(format, "it ends before its last pixel")
}

/// A file of a kind that we know but do not read.
pub(crate) fn unsupported(format: SourceFormat, what: impl Display) -> Failure {
    Failure::new(FailureCode::UnsupportedFormat, format!("this kind of {} is not supported: {what}", name(format)))
}

/// A failed read: the file's fault where it ends or contradicts itself, ours where the disk fails.
pub(crate) fn unreadable(format: SourceFormat, error: &std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::UnexpectedEof => truncated(format),
        ErrorKind::InvalidData | ErrorKind::InvalidInput | ErrorKind::Other => corrupt(format, error),
        _ => {
            tracing::error!(%error, "cannot read a source file");
            Failure::internal()
        }
    }
}

/// How the format is called in sentences.
pub(crate) fn name(format: SourceFormat) -> &'static str {
    match format {
        SourceFormat::Jpeg => "JPEG",
        SourceFormat::Png => "PNG",
        SourceFormat::Tiff => "TIFF",
        SourceFormat::Webp => "WebP",
        SourceFormat::Gif => "GIF",
        SourceFormat::Jpeg2000 => "JPEG 2000",
    }
}
