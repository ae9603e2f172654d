//! The rows of one plane of a TIFF: strips one after the other, or rows of tiles put side by side.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use dlcs_model::{Failure, SourceFormat};

use super::chunk;
use super::layout::Layout;
use crate::source::Limits;
use crate::source::native::unreadable;

/// One plane: all samples, or one sample of every pixel where samples are stored apart.
pub(super) struct Plane {
    /// The plane's first chunk.
    first: usize,
    /// Pixel rows handed out.
    done: usize,
    /// The strip being read.
    strip: Option<Box<dyn Read + Send>>,
    /// The row of a strip, the block row of one with colour blocks, or a whole row of tiles.
    band: Vec<u8>,
    /// Where the current row is within `band`.
    start: usize,
}

impl Plane {
    pub(super) fn new(layout: &Layout, plane: usize) -> Self {
        Self { first: plane * layout.per_plane(), done: 0, strip: None, band: Vec::new(), start: 0 }
    }

    /// The current row as stored, without differences; with colour blocks, the row of blocks it is in.
    pub(super) fn row(&self) -> &[u8] {
        &self.band[self.start..]
    }

    /// The current row's number.
    pub(super) fn number(&self) -> usize {
        self.done - 1
    }

    /// Goes to the next row.
    pub(super) fn next_row(&mut self, file: &Arc<File>, layout: &Layout, limits: &Limits) -> Result<(), Failure> {
        let line = self.done % layout.chunk_height as usize;
        let chunk_row = self.done / layout.chunk_height as usize;
        let block = layout.blocks().map_or(1, |(_, v)| v);
        if layout.tiled {
            if line == 0 {
                self.read_tiles(file, layout, limits, chunk_row)?;
            }
            self.start = line / block * layout.across() * layout.chunk_row_bytes();
        } else {
            if line == 0 {
                let rows = layout.chunk_height.min(layout.height - self.done as u32);
                self.strip = Some(chunk::open(file, layout, self.first + chunk_row, rows, limits)?);
            }
            if line.is_multiple_of(block) {
                self.read_strip_row(layout)?;
            }
        }
        self.done += 1;
        Ok(())
    }

    fn read_strip_row(&mut self, layout: &Layout) -> Result<(), Failure> {
        self.band.resize(layout.chunk_row_bytes(), 0);
        if let Some(strip) = &mut self.strip {
            strip.read_exact(&mut self.band).map_err(|error| unreadable(SourceFormat::Tiff, &error))?;
        }
        undo_differences(layout, &mut self.band);
        Ok(())
    }

    fn read_tiles(
        &mut self,
        file: &Arc<File>,
        layout: &Layout,
        limits: &Limits,
        chunk_row: usize,
    ) -> Result<(), Failure> {
        let block = layout.blocks().map_or(1, |(_, v)| v);
        let lines = layout.chunk_height as usize / block;
        let (tile, across) = (layout.chunk_row_bytes(), layout.across());
        self.band.resize(tile * across * lines, 0);
        // Rows below the image are padding, which some writers leave out.
        let inside = (layout.height as usize - self.done).min(layout.chunk_height as usize).div_ceil(block);
        for column in 0..across {
            let index = self.first + chunk_row * across + column;
            let mut input = chunk::open(file, layout, index, layout.chunk_height, limits)?;
            for line in self.band.chunks_exact_mut(tile * across).take(inside) {
                let part = &mut line[column * tile..(column + 1) * tile];
                input.read_exact(part).map_err(|error| unreadable(SourceFormat::Tiff, &error))?;
                undo_differences(layout, part);
            }
        }
        Ok(())
    }
}

/// Turns differences to the pixel on the left into samples.
fn undo_differences(layout: &Layout, row: &mut [u8]) {
    if !layout.predictor {
        return;
    }
    let step = layout.chunk_samples();
    if layout.bits == 8 {
        for index in step..row.len() {
            row[index] = row[index].wrapping_add(row[index - step]);
        }
        return;
    }
    let (samples, _) = row.as_chunks_mut::<2>();
    for index in step..samples.len() {
        samples[index] = if layout.little {
            u16::from_le_bytes(samples[index]).wrapping_add(u16::from_le_bytes(samples[index - step])).to_le_bytes()
        } else {
            u16::from_be_bytes(samples[index]).wrapping_add(u16::from_be_bytes(samples[index - step])).to_be_bytes()
        };
    }
}
