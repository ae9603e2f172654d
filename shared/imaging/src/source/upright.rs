//! The common stages after a format's decoder: colours to sRGB, pixels upright.

use dlcs_model::Failure;

use super::native::{Model, NativeRows};
use super::{Channels, Limits, RowSource, SourceInfo};
use crate::color::Converter;
use crate::orientation::Stored;

/// A decoder's rows, converted and upright.
pub(super) struct Upright {
    info: SourceInfo,
    rows: Box<dyn NativeRows>,
    converter: Converter,
    /// Upright rows handed out so far.
    done: usize,
    /// The whole image as stored, for an orientation whose first upright row is not the first stored one.
    stored: Vec<u8>,
}

impl Upright {
    pub(super) fn new(rows: Box<dyn NativeRows>, limits: &Limits) -> Result<Self, Failure> {
        let native = rows.native();
        limits.admit(native.width, native.height, !native.orientation.streams())?;
        let (width, height) = native.orientation.upright(native.width, native.height);
        let info = SourceInfo {
            format: native.format,
            width,
            height,
            channels: match native.model {
                Model::Gray => Channels::Gray,
                Model::Rgb | Model::Cmyk => Channels::Rgb,
            },
            alpha: native.alpha,
            chroma: native.chroma,
            lossless: native.lossless,
        };
        let converter = Converter::new(native);
        Ok(Self { info, rows, converter, done: 0, stored: Vec::new() })
    }

    fn read_stored(&mut self, rows: &mut [u8], row_bytes: usize) -> Result<(), Failure> {
        for row in rows.chunks_exact_mut(row_bytes) {
            self.converter.convert(self.rows.next_row()?, row)?;
        }
        Ok(())
    }

    fn read_turned(&mut self, rows: &mut [u8]) -> Result<(), Failure> {
        let (orientation, width) = (self.rows.native().orientation, self.rows.native().width as usize);
        let height = self.rows.native().height as usize;
        let pixel = self.info.pixel_bytes();
        if self.stored.is_empty() {
            let mut stored = vec![0; width * height * pixel];
            self.read_stored(&mut stored, width * pixel)?;
            self.stored = stored;
        }
        let stored = Stored { pixels: &self.stored, width, height, pixel };
        orientation.copy_rows(&stored, self.done, rows);
        Ok(())
    }
}

impl RowSource for Upright {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn memory(&self) -> u64 {
        let whole = u64::from(self.info.width) * self.info.height as u64 * self.info.pixel_bytes() as u64;
        self.rows.memory() + if self.rows.native().orientation.streams() { 0 } else { whole }
    }

    fn read_rows(&mut self, rows: &mut [u8]) -> Result<usize, Failure> {
        let row_bytes = self.info.row_bytes();
        let count = (rows.len() / row_bytes).min(self.info.height as usize - self.done);
        let rows = &mut rows[..count * row_bytes];
        let orientation = self.rows.native().orientation;
        if orientation.streams() {
            self.read_stored(rows, row_bytes)?;
            if orientation != crate::orientation::Orientation::Upright {
                rows.chunks_exact_mut(row_bytes).for_each(|row| mirror(row, self.info.pixel_bytes()));
            }
        } else if count > 0 {
            self.read_turned(rows)?;
        }
        self.done += count;
        Ok(count)
    }
}

/// Swaps the pixels of a row left to right.
fn mirror(row: &mut [u8], pixel: usize) {
    row.reverse();
    row.chunks_exact_mut(pixel).for_each(<[u8]>::reverse);
}
