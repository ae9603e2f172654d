//! Writing a JPEG, from planes or from pixels, into a buffer that is used again and again.

use std::ptr::NonNull;

use crate::error::{Error, check};
use crate::ffi;
use crate::header::Steps;

/// The components of an encoded JPEG and how colour is sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// One component.
    Gray,
    /// YCbCr with colour in every pixel (4:4:4).
    Full,
    /// YCbCr with one colour for 2x2 pixels (4:2:0).
    Half,
}

impl Sampling {
    /// How many components there are.
    #[must_use]
    pub fn components(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Full | Self::Half => 3,
        }
    }

    /// Side of an MCU in pixels, which is also the height of a band.
    #[must_use]
    pub fn mcu(self) -> u32 {
        match self {
            Self::Gray | Self::Full => 8,
            Self::Half => 16,
        }
    }

    /// By how much component `index` is reduced in each direction: 1 or 2.
    #[must_use]
    pub fn divisor(self, index: usize) -> u32 {
        match self {
            Self::Half if index > 0 => 2,
            Self::Gray | Self::Full | Self::Half => 1,
        }
    }
}

/// One band of one component, to be encoded.
#[derive(Clone, Copy)]
pub struct Plane<'a> {
    /// The rows, `stride` bytes apart.
    pub data: &'a [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// A reusable encoder. Its JPEGs are baseline with the standard Huffman tables and without a JFIF marker.
pub struct Encoder {
    raw: NonNull<ffi::Enc>,
    started: Option<(u32, Sampling)>,
}

// SAFETY: an encoder owns all it points to and has no thread-local state.
unsafe impl Send for Encoder {}

impl Drop for Encoder {
    fn drop(&mut self) {
        // SAFETY: `raw` came from dj_enc_new and is freed once.
        unsafe { ffi::dj_enc_free(self.raw.as_ptr()) }
    }
}

impl Encoder {
    /// A new encoder.
    ///
    /// # Errors
    /// `Memory`.
    pub fn new() -> Result<Self, Error> {
        // SAFETY: takes nothing; null means no memory.
        let raw = NonNull::new(unsafe { ffi::dj_enc_new() }).ok_or_else(Error::memory)?;
        Ok(Self { raw, started: None })
    }

    fn check(&self, status: i32) -> Result<(), Error> {
        // SAFETY: `raw` is a live codec.
        check(status, || unsafe { ffi::dj_enc_message(self.raw.as_ptr()) })
    }

    fn begin(
        &mut self,
        size: (u32, u32),
        sampling: Sampling,
        quality: u8,
        planes: bool,
        steps: Option<&Steps>,
    ) -> Result<(), Error> {
        self.started = None;
        let steps = steps.map(|steps| [steps.luma, steps.colour]);
        let steps = steps.as_ref().map_or(std::ptr::null(), |tables| tables.as_ptr());
        let (factor, components) = if sampling == Sampling::Gray { (1, 1) } else { (sampling.divisor(1), 3) };
        // SAFETY: `raw` is a live codec; `steps` is null or two tables that outlive the call; all else are numbers, which
        // libjpeg checks.
        let status = unsafe {
            ffi::dj_enc_start(
                self.raw.as_ptr(),
                size.0,
                size.1,
                components,
                i32::try_from(factor).unwrap_or(1),
                i32::from(quality),
                i32::from(planes),
                steps,
            )
        };
        self.check(status)
    }

    /// Starts a JPEG of `width` x `height` pixels that is written as bands of planes. An unfinished one is dropped.
    ///
    /// # Errors
    /// `Memory`, or `Corrupt` for a size of zero.
    pub fn start(&mut self, width: u32, height: u32, sampling: Sampling, quality: u8) -> Result<(), Error> {
        self.begin((width, height), sampling, quality, true, None)?;
        self.started = Some((width, sampling));
        Ok(())
    }

    /// The same for planes that were decoded from a JPEG whose blocks lie where those of this one will, and which stored them
    /// in `steps`: those of `quality` become multiples of them. Others would cost both bytes and likeness.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_like(
        &mut self,
        width: u32,
        height: u32,
        sampling: Sampling,
        quality: u8,
        steps: &Steps,
    ) -> Result<(), Error> {
        self.begin((width, height), sampling, quality, true, Some(steps))?;
        self.started = Some((width, sampling));
        Ok(())
    }

    /// Encodes the next [`Sampling::mcu`] pixel rows, a plane per component. A component reduced by d needs `mcu / d` rows of
    /// `ceil(width / d)` samples rounded up to 8, also in the last band.
    ///
    /// # Errors
    /// `Misuse` without a start or when a plane is too small, `Memory`.
    pub fn write(&mut self, planes: &[Plane<'_>]) -> Result<(), Error> {
        let Some((width, sampling)) = self.started else { return Err(Error::misuse("no JPEG was started")) };
        if planes.len() != sampling.components() {
            return Err(Error::misuse("one plane for each component"));
        }
        let mut pointers = [std::ptr::null(); 3];
        let mut strides = [0; 3];
        for (i, plane) in planes.iter().enumerate() {
            let divisor = sampling.divisor(i);
            let rows = (sampling.mcu() / divisor) as usize;
            let row = width.div_ceil(divisor).next_multiple_of(8) as usize;
            if plane.data.len() < (rows - 1) * plane.stride + row {
                return Err(Error::misuse("the plane is too small"));
            }
            pointers[i] = plane.data.as_ptr();
            strides[i] = plane.stride;
        }
        // SAFETY: each plane was just checked to hold the rows that libjpeg reads; it does not write to them.
        let status = unsafe { ffi::dj_enc_raw(self.raw.as_ptr(), pointers.as_ptr(), strides.as_ptr()) };
        self.check(status)
    }

    /// Ends the JPEG after its last band. The bytes stay valid until the encoder is used again.
    ///
    /// # Errors
    /// `Misuse` without a start, `Corrupt` when rows are missing, `Memory`.
    pub fn finish(&mut self) -> Result<&[u8], Error> {
        if self.started.take().is_none() {
            return Err(Error::misuse("no JPEG was started"));
        }
        self.end()
    }

    fn end(&mut self) -> Result<&[u8], Error> {
        let (mut data, mut size) = (std::ptr::null(), 0);
        // SAFETY: `raw` is a live codec; both results outlive the call.
        let status = unsafe { ffi::dj_enc_finish(self.raw.as_ptr(), &raw mut data, &raw mut size) };
        self.check(status)?;
        // SAFETY: the shim returned `size` bytes at `data`, unchanged until the next call, which needs `&mut self`.
        Ok(unsafe { std::slice::from_raw_parts(data, size) })
    }

    /// Encodes interleaved pixels at once: one sample each for [`Sampling::Gray`], else red, green, blue.
    /// The bytes stay valid until the encoder is used again.
    ///
    /// # Errors
    /// `Misuse` when `pixels` does not hold exactly `width` x `height` pixels, `Memory`.
    pub fn encode(&mut self, size: (u32, u32), pixels: &[u8], sampling: Sampling, quality: u8) -> Result<&[u8], Error> {
        let stride = size.0 as usize * sampling.components();
        if pixels.len() != stride * size.1 as usize {
            return Err(Error::misuse("the pixels do not match the size"));
        }
        self.begin(size, sampling, quality, false, None)?;
        // SAFETY: `pixels` was just checked to hold all rows; libjpeg does not write to them.
        let status = unsafe { ffi::dj_enc_rows(self.raw.as_ptr(), pixels.as_ptr(), stride, size.1) };
        self.check(status)?;
        self.end()
    }
}
