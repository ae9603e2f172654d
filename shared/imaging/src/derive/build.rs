//! A derivative being built out of bands: pyramids of colour and of alpha, and the file that their tiles go to.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};

use dlcs_jpeg::Sampling;
use dlcs_model::Failure;

use crate::bands::{Band, BandInfo};
use crate::head::{LevelIndex, TileRange};
use crate::pyramid::{Pyramid, Sink};
use crate::source::native::truncated;
use crate::thumbnails::Kept;
use crate::tiff_writer::{self, Chain};
use crate::{failures, geometry, thumbnails};

/// A derivative that takes bands.
pub(super) struct Build {
    info: BandInfo,
    done: u32,
    colour: Pyramid,
    alpha: AlphaPlane,
    output: Output,
}

/// A derivative that is written.
pub(super) struct Built {
    pub levels: u32,
    pub head_length: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// The levels that thumbnails are made of.
    pub kept: Vec<Kept>,
}

impl Build {
    /// Begins to write into `file`, whose content is replaced.
    pub fn begin(info: BandInfo, file: File) -> Result<Self, Failure> {
        let BandInfo { width, height, sampling, quality, steps, .. } = info;
        let output = Output::begin(file, reserved(&info))?;
        let keep = |level: &_| thumbnails::wants(width, height, level);
        let mut colour = Pyramid::new(width, height, sampling, quality, keep)?;
        colour.set_steps(steps);
        let alpha = AlphaPlane { info, opaque_rows: 0, pyramid: None };
        Ok(Self { info, done: 0, colour, alpha, output })
    }

    /// A band to be filled.
    pub fn band(&self) -> Band {
        Band::new(self.info.width, self.info.sampling)
    }

    /// Takes a band's content; its room can be used again.
    pub fn push(&mut self, band: &mut Band) -> Result<(), Failure> {
        let Band { planes, rows, alpha } = band;
        std::mem::swap(self.colour.band(), planes);
        self.colour.push(*rows, &mut self.output)?;
        self.alpha.push(alpha, &mut self.output)?;
        self.done += *rows;
        Ok(())
    }

    /// Writes the head.
    pub fn finish(self) -> Result<Built, Failure> {
        let Self { info, done, colour, alpha, output } = self;
        if done != info.height {
            return Err(truncated(info.format));
        }
        let (levels, kept) = colour.finish();
        let alpha = alpha.pyramid.map(|pyramid| pyramid.finish().0).unwrap_or_default();
        let head = head(&info, &levels, &alpha);
        let bytes = output.finish(&head)?;
        let levels = u32::try_from(levels.len()).unwrap_or(u32::MAX);
        Ok(Built { levels, head_length: head.len() as u64, bytes, kept })
    }
}

fn head(info: &BandInfo, levels: &[LevelIndex], alpha: &[LevelIndex]) -> Vec<u8> {
    let colour = Chain { sampling: info.sampling, alpha: false, levels };
    let big = tiff_writer::needs_big(info.width, info.height, info.sampling);
    tiff_writer::head(&[colour, Chain { sampling: Sampling::Gray, alpha: true, levels: alpha }], big)
}

/// How long the head gets at most: whether alpha is used shows at the end only.
fn reserved(info: &BandInfo) -> u64 {
    let empty: Vec<_> = geometry::levels(info.width, info.height).into_iter().map(LevelIndex::empty).collect();
    head(info, &empty, if info.alpha { &empty } else { &[] }).len() as u64
}

/// The file being written: tiles one after the other, behind the room for the head.
struct Output {
    file: BufWriter<File>,
    position: u64,
}

impl Output {
    fn begin(mut file: File, reserved: u64) -> Result<Self, Failure> {
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

impl Sink for Output {
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
