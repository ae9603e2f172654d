//! Makes the derivative of a source: one pass over its rows, whatever its format and height.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use dlcs_model::{Failure, SourceFormat, limits};
use serde::{Deserialize, Serialize};

use crate::bands::{self, BandInfo, BandSource};
use crate::source::Limits;
use crate::{Helper, failures, thumbnails};

use build::{Build, Built};

pub use crate::thumbnails::DerivedThumbnail;
pub use crate::verify::verify;

mod build;
mod relay;

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

    /// Makes the derivative and its thumbnails: decodes on this thread, and encodes on the helper if there is one.
    ///
    /// # Errors
    /// What is wrong with the source, or `internal` when a file of ours cannot be written.
    pub fn derive(self, outputs: &Outputs, helper: Option<&Helper>) -> Result<Derived, Failure> {
        make(self.bands, outputs, helper)
    }
}

fn make(mut bands: Box<dyn BandSource>, outputs: &Outputs, helper: Option<&Helper>) -> Result<Derived, Failure> {
    let BandInfo { format, width, height, .. } = *bands.info();
    let file = outputs.derivative.try_clone().map_err(|error| failures::file(&error, "begin a derivative"))?;
    let build = Build::begin(*bands.info(), file)?;
    let built = match helper {
        Some(helper) => relay::two(bands.as_mut(), build, helper)?,
        None => relay::one(bands.as_mut(), build)?,
    };
    let Built { levels, head_length, bytes, kept } = built;
    let thumbnails = thumbnails::write((width, height), &kept, &outputs.thumbnails)?;
    Ok(Derived { format, width, height, levels, head_length, bytes, thumbnails })
}

#[cfg(test)]
mod tests;
