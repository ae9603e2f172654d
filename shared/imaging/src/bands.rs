//! An image as the maker of derivatives takes it: bands of the planes that its tiles are encoded from.

use std::fs::File;
use std::io::Seek;

use dlcs_jpeg::{Sampling, Steps};
use dlcs_model::{Failure, SourceFormat};

use crate::failures;
use crate::jpeg_bands::JpegBands;
use crate::planes::Planes;
use crate::row_bands::RowBands;
use crate::source::{self, Limits};

/// What the derivative of an image is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BandInfo {
    /// The source's format.
    pub format: SourceFormat,
    /// Pixels across, upright.
    pub width: u32,
    /// Pixels down, upright.
    pub height: u32,
    /// Whether the source has alpha samples, whatever they say.
    pub alpha: bool,
    /// How the tiles store colour: not more of it than the source has.
    pub sampling: Sampling,
    /// The tiles' JPEG quality.
    pub quality: u8,
    /// In what steps a JPEG stored the planes, where they are as it stored them.
    pub steps: Steps,
}

impl BandInfo {
    /// The quality of tiles from sources that lost detail before.
    pub const LOSSY: u8 = 85;
    /// The quality of tiles from sources with every detail. It pays there, and 4:4:4 below it would be colour without shape.
    pub const DETAILED: u8 = 90;
}

/// A row of MCUs.
pub(crate) struct Band {
    pub planes: Planes,
    /// How many of its pixel rows belong to the image: all but in the last band.
    pub rows: u32,
    /// Their alpha samples, row by row; none for a source without alpha.
    pub alpha: Vec<u8>,
}

impl Band {
    /// Room for a band of an image `width` pixels wide.
    pub fn new(width: u32, sampling: Sampling) -> Self {
        Self { planes: Planes::new(width, sampling), rows: 0, alpha: Vec::new() }
    }
}

/// A source of bands.
pub(crate) trait BandSource {
    /// What the bands are like; constant.
    fn info(&self) -> &BandInfo;

    /// Bytes that reading takes at its peak, beside a few rows.
    fn memory(&self) -> u64;

    /// Fills `band` with the next rows; with none at the end.
    fn read(&mut self, band: &mut Band) -> Result<(), Failure>;
}

/// Opens a source: a JPEG that needs no change of colour or orientation as the planes it consists of, all else as pixels.
pub(crate) fn open(mut file: File, limits: &Limits) -> Result<Box<dyn BandSource>, Failure> {
    let ours = |error| failures::file(&error, "open a source file");
    file.rewind().map_err(ours)?;
    if let Some(planes) = JpegBands::open(file.try_clone().map_err(ours)?, limits)? {
        return Ok(Box::new(planes));
    }
    file.rewind().map_err(ours)?;
    Ok(Box::new(RowBands::new(source::open(file, limits)?)))
}
