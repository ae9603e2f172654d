//! Makes the derivative of a source: one pass over its rows, whatever its format and height.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use dlcs_jpeg::Sampling;
use dlcs_model::{Failure, SourceFormat, limits};
use serde::{Deserialize, Serialize};

use crate::bands::{self, BandInfo, BandSource};
use crate::geometry;
use crate::head::{LevelIndex, TileRange};
use crate::pyramid::{Pyramid, Sink};
use crate::source::Limits;
use crate::source::native::truncated;
use crate::tiff_writer::{self, Chain};
use crate::{failures, thumbnails};

pub use crate::thumbnails::DerivedThumbnail;
pub use crate::verify::verify;

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derived {
    /// The source's format.
    pub format: SourceFormat,
    /// Pixels across, upright.
    pub width: u32,
    /// Pixels down, upright.
    pub height: u32,
    /// How many levels there are.
    pub levels: u32,
    /// Bytes at the start of the derivative that tell where each tile is.
    pub head_length: u64,
    /// Bytes of the derivative.
    pub bytes: u64,
    /// The thumbnails, smallest first.
    pub thumbnails: Vec<DerivedThumbnail>,
}

/// Where everything made of an image goes: files open for reading and writing, whose content is replaced.
///
/// After a failure it is there in part and means nothing.
#[derive(Debug)]
pub struct Outputs {
    /// The derivative.
    pub derivative: File,
    /// The thumbnails, as in [`limits::THUMBNAILS`]. An edge longer than the image's gets none, and its file stays empty.
    pub thumbnails: [File; limits::THUMBNAILS.len()],
}

impl Outputs {
    /// Creates the files: the derivative at `derivative`, the thumbnails in `folder`.
    ///
    /// # Errors
    /// If a file cannot be created.
    pub fn create(derivative: &Path, folder: &Path) -> io::Result<Self> {
        let create = |path: &Path| OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path);
        let [a, b, c, d] = limits::THUMBNAILS.map(|edge| create(&Self::thumbnail(folder, edge)));
        Ok(Self { derivative: create(derivative)?, thumbnails: [a?, b?, c?, d?] })
    }

    /// Where [`Self::create`] puts the thumbnail with this long edge.
    #[must_use]
    pub fn thumbnail(folder: &Path, edge: u32) -> PathBuf {
        folder.join(format!("thumb-{edge}.jpg"))
    }
}

/// A source whose header was read and is within the limits.
pub struct Opened {
    bands: Box<dyn BandSource>,
}

/// Reads a source's header.
///
/// # Errors
/// What is wrong with the source, or `internal` when it cannot be read.
pub fn open(source: File, limits: &Limits) -> Result<Opened, Failure> {
    Ok(Opened { bands: bands::open(source, limits)? })
}

impl Opened {
    /// Bytes that [`Self::derive`] takes at its peak, about.
    #[must_use]
    pub fn memory(&self) -> u64 {
        /// Bytes for each pixel of a row: bands of all levels, and rows on their way there.
        const ROW: u64 = 256;
        /// Codecs, buffers, the levels that thumbnails are made of.
        const FIXED: u64 = 16 * 1024 * 1024;
        FIXED + u64::from(self.bands.info().width) * ROW + self.bands.memory()
    }

    /// Makes the derivative and its thumbnails.
    ///
    /// # Errors
    /// What is wrong with the source, or `internal` when a file of ours cannot be written.
    pub fn derive(self, outputs: &Outputs) -> Result<Derived, Failure> {
        make(self.bands, outputs)
    }
}

fn make(mut bands: Box<dyn BandSource>, outputs: &Outputs) -> Result<Derived, Failure> {
    let info = *bands.info();
    let BandInfo { format, width, height, alpha: _, sampling, quality } = info;
    let big = tiff_writer::needs_big(width, height, sampling);
    let mut output = Output::begin(&outputs.derivative, reserved(&info, big))?;
    let mut colour = Pyramid::new(width, height, sampling, quality, |level| thumbnails::wants(width, height, level))?;
    let mut alpha = AlphaPlane { info, opaque_rows: 0, pyramid: None };
    let mut done = 0;
    while done < height {
        let rows = bands.read(colour.band())?;
        if rows == 0 {
            return Err(truncated(format));
        }
        colour.push(rows, &mut output)?;
        alpha.push(bands.alpha(), &mut output)?;
        done += rows;
    }
    let (levels, kept) = colour.finish();
    let alpha = alpha.pyramid.map(|pyramid| pyramid.finish().0).unwrap_or_default();
    let head = head(&levels, &alpha, sampling, big);
    let bytes = output.finish(&head)?;
    let thumbnails = thumbnails::write((width, height), &kept, &outputs.thumbnails)?;
    let levels = u32::try_from(levels.len()).unwrap_or(u32::MAX);
    Ok(Derived { format, width, height, levels, head_length: head.len() as u64, bytes, thumbnails })
}

fn head(levels: &[LevelIndex], alpha: &[LevelIndex], sampling: Sampling, big: bool) -> Vec<u8> {
    let colour = Chain { sampling, alpha: false, levels };
    tiff_writer::head(&[colour, Chain { sampling: Sampling::Gray, alpha: true, levels: alpha }], big)
}

/// How long the head gets at most: whether alpha is used shows at the end only.
fn reserved(info: &BandInfo, big: bool) -> u64 {
    let empty: Vec<_> = geometry::levels(info.width, info.height).into_iter().map(LevelIndex::empty).collect();
    head(&empty, if info.alpha { &empty } else { &[] }, info.sampling, big).len() as u64
}

/// The derivative being written: tiles one after the other, behind the room for the head.
struct Output<'a> {
    file: BufWriter<&'a File>,
    position: u64,
}

impl<'a> Output<'a> {
    fn begin(mut file: &'a File, reserved: u64) -> Result<Self, Failure> {
        let begin = file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(reserved)));
        begin.map_err(|error| failures::file(&error, "begin a derivative"))?;
        Ok(Self { file: BufWriter::with_capacity(256 * 1024, file), position: reserved })
    }

    /// Writes the head and returns the length of the file.
    fn finish(mut self, head: &[u8]) -> Result<u64, Failure> {
        let mut write = || {
            self.file.rewind()?;
            self.file.write_all(head)?;
            self.file.flush()
        };
        write().map_err(|error| failures::file(&error, "write a derivative"))?;
        Ok(self.position)
    }
}

impl Sink for Output<'_> {
    fn append(&mut self, jpeg: &[u8]) -> Result<TileRange, Failure> {
        self.file.write_all(jpeg).map_err(|error| failures::file(&error, "write a derivative"))?;
        let length = u32::try_from(jpeg.len()).map_err(|error| failures::ours(&error, "store a tile"))?;
        let range = TileRange { offset: self.position, length };
        self.position += u64::from(length);
        Ok(range)
    }
}

/// The pyramid of the alpha plane, begun at the first pixel that is not opaque: most images that could be transparent are not.
struct AlphaPlane {
    info: BandInfo,
    opaque_rows: u32,
    pyramid: Option<Pyramid>,
}

impl AlphaPlane {
    fn push(&mut self, samples: &[u8], sink: &mut impl Sink) -> Result<(), Failure> {
        let width = self.info.width as usize;
        if self.pyramid.is_none() {
            if samples.iter().all(|&sample| sample == 255) {
                self.opaque_rows += (samples.len() / width) as u32;
                return Ok(());
            }
            let BandInfo { width, height, .. } = self.info;
            let mut pyramid = Pyramid::new(width, height, Sampling::Gray, BandInfo::DETAILED, |_| false)?;
            for _ in 0..self.opaque_rows / Sampling::Gray.mcu() {
                (0..Sampling::Gray.mcu() as usize).for_each(|row| pyramid.band().row_mut(0, row).fill(255));
                pyramid.push(Sampling::Gray.mcu(), sink)?;
            }
            self.pyramid = Some(pyramid);
        }
        let Some(pyramid) = &mut self.pyramid else { return Ok(()) };
        for band in samples.chunks(width * Sampling::Gray.mcu() as usize) {
            let rows = band.chunks_exact(width);
            let count = rows.len() as u32;
            rows.enumerate().for_each(|(y, row)| pyramid.band().row_mut(0, y).copy_from_slice(row));
            pyramid.push(count, sink)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
