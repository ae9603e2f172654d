//! A JPEG as bands of the planes that it stores.

use crate::codec::Codec;
use crate::error::Error;
use crate::ffi;
use crate::header::Header;

/// A plane that receives one band of one component.
pub struct PlaneMut<'a> {
    /// The rows, `stride` bytes apart.
    pub data: &'a mut [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// A JPEG being decoded to its own planes, one band (row of MCUs) at a time.
pub struct Raw<'a> {
    pub(crate) codec: Codec<'a>,
    pub(crate) header: Header,
    pub(crate) band_rows: u32,
    pub(crate) done: u32,
}

impl Raw<'_> {
    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Pixel rows of a band: 8 times the largest vertical sampling factor.
    #[must_use]
    pub fn band_rows(&self) -> u32 {
        self.band_rows
    }

    /// Decodes the next band, a plane per component; returns how many pixel rows of it belong to the image, 0 at the end.
    ///
    /// A component with factors (h, v) gets `8 * v` rows of its width (`ceil(width * h / max h)`) rounded up to 8 samples;
    /// what lies beyond the image is whatever the JPEG's maker put there.
    ///
    /// # Errors
    /// `Corrupt` when data is missing or damaged, `Io`, `Misuse` when a plane is too small.
    pub fn read(&mut self, planes: &mut [PlaneMut<'_>]) -> Result<u32, Error> {
        let left = self.header.height - self.done;
        if left == 0 {
            return Ok(0);
        }
        if planes.len() != self.header.sampling.len() {
            return Err(Error::misuse("one plane for each component"));
        }
        let widest = self.header.sampling.iter().map(|s| s.0).max().unwrap_or(1);
        let mut pointers = [std::ptr::null_mut(); 4];
        let mut strides = [0; 4];
        for (i, plane) in planes.iter_mut().enumerate() {
            let (h, v) = self.header.sampling[i];
            let width = (self.header.width * h).div_ceil(widest).next_multiple_of(8) as usize;
            if plane.stride < width || plane.data.len() < (v as usize * 8 - 1) * plane.stride + width {
                return Err(Error::misuse("the plane is too small"));
            }
            pointers[i] = plane.data.as_mut_ptr();
            strides[i] = plane.stride;
        }
        // SAFETY: each plane was just checked to hold the rows that libjpeg writes.
        let status = unsafe { ffi::dj_dec_raw(self.codec.raw.as_ptr(), pointers.as_ptr(), strides.as_ptr()) };
        self.codec.check(status)?;
        let rows = left.min(self.band_rows);
        self.done += rows;
        Ok(rows)
    }

    /// Passes over the next band for less than reading it costs, as its coefficients are read and no more; returns how many
    /// pixel rows that were, 0 at the end.
    ///
    /// # Errors
    /// `Corrupt` when data is missing or damaged, `Io`, `Misuse` for a JPEG with [`Header::whole`].
    pub fn skip(&mut self) -> Result<u32, Error> {
        if self.header.whole {
            return Err(Error::misuse("a JPEG of several scans is not passed over"));
        }
        let rows = (self.header.height - self.done).min(self.band_rows);
        if rows > 0 {
            // SAFETY: `raw` is a live codec that has been started for planes.
            let status = unsafe { ffi::dj_dec_skip(self.codec.raw.as_ptr()) };
            self.codec.check(status)?;
            self.done += rows;
        }
        Ok(rows)
    }
}
