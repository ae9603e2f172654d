//! A JPEG as rows of pixels.

use crate::codec::Codec;
use crate::error::Error;
use crate::ffi;

/// A JPEG being decoded to rows of interleaved pixels, from top to bottom.
pub struct Rows<'a> {
    pub(crate) codec: Codec<'a>,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) row_bytes: usize,
    pub(crate) done: u32,
}

impl Rows<'_> {
    /// Pixels across, after scaling.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels down, after scaling.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Fills `rows` with as many whole rows as fit and are left; returns how many, 0 at the end.
    ///
    /// # Errors
    /// `Corrupt` when data is missing or damaged, `Io`, `Misuse` when not even one row fits.
    pub fn read(&mut self, rows: &mut [u8]) -> Result<usize, Error> {
        let fits = u32::try_from(rows.len() / self.row_bytes).unwrap_or(u32::MAX);
        let count = fits.min(self.height - self.done);
        if count == 0 {
            return if self.done == self.height { Ok(0) } else { Err(Error::misuse("no room for one row")) };
        }
        let mut got = 0;
        // SAFETY: `rows` has room for `count` rows of `row_bytes`.
        let status = unsafe {
            ffi::dj_dec_rows(self.codec.raw.as_ptr(), rows.as_mut_ptr(), self.row_bytes, count, &raw mut got)
        };
        self.codec.check(status)?;
        self.done += got;
        Ok(got as usize)
    }
}
