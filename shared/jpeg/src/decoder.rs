//! Opens a JPEG: its header and metadata first, then on to rows of pixels or bands of its own planes.

use std::fs::File;
use std::os::fd::AsRawFd;

use crate::codec::Codec;
use crate::error::{Error, ErrorKind};
use crate::ffi;
use crate::header::{Header, header};
use crate::raw::Raw;
use crate::rows::Rows;

/// The samples of decoded rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Output {
    /// One sample. From Gray or YCbCr.
    Gray,
    /// Three samples. From Gray, YCbCr or RGB.
    Rgb,
    /// Four samples, exactly as stored: after an Adobe marker inverted (255 is no ink), which is left to the caller.
    Cmyk,
}

impl Output {
    /// Samples per pixel.
    #[must_use]
    pub fn samples(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb => 3,
            Self::Cmyk => 4,
        }
    }
}

/// Reduction while decoding; sides are rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// As stored.
    Full,
    /// 1/2.
    Half,
    /// 1/4.
    Quarter,
    /// 1/8.
    Eighth,
}

/// An opened JPEG whose header has been read.
pub struct Decoder<'a> {
    codec: Codec<'a>,
    header: Header,
}

impl Decoder<'static> {
    /// Reads the header of a file from its current position on; the file is then read in pieces of 64 KiB.
    ///
    /// # Errors
    /// Any [`Error`]; `NotJpeg` when the first bytes are no JPEG's.
    pub fn open(file: File) -> Result<Self, Error> {
        let fd = file.as_raw_fd();
        let codec = Codec::new(Some(file))?;
        let mut info = ffi::Info::EMPTY;
        // SAFETY: the codec keeps the file, hence the descriptor, open for as long as it lives.
        let status = unsafe { ffi::dj_dec_open_fd(codec.raw.as_ptr(), fd, &raw mut info) };
        codec.check(status)?;
        Ok(Self { codec, header: header(&info) })
    }
}

impl<'a> Decoder<'a> {
    /// Reads the header of a JPEG in memory.
    ///
    /// # Errors
    /// Any [`Error`]; `NotJpeg` when the first bytes are no JPEG's.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, Error> {
        let codec = Codec::new(None)?;
        let mut info = ffi::Info::EMPTY;
        // SAFETY: the bytes are borrowed for 'a, which the codec cannot outlive.
        let status = unsafe { ffi::dj_dec_open_memory(codec.raw.as_ptr(), bytes.as_ptr(), bytes.len(), &raw mut info) };
        codec.check(status)?;
        Ok(Self { codec, header: header(&info) })
    }

    /// What the header says.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The embedded ICC profile, put together from its pieces; `None` also when pieces are missing.
    ///
    /// # Errors
    /// `Memory`.
    pub fn icc_profile(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let (mut data, mut size) = (std::ptr::null_mut(), 0);
        // SAFETY: `raw` is a live codec; both results outlive the call.
        let status = unsafe { ffi::dj_dec_icc(self.codec.raw.as_ptr(), &raw mut data, &raw mut size) };
        self.codec.check(status)?;
        if data.is_null() {
            return Ok(None);
        }
        // SAFETY: the shim returned `size` bytes at `data`, which are ours until freed just below.
        let profile = unsafe { std::slice::from_raw_parts(data, size) }.to_vec();
        // SAFETY: `data` came from the shim and is not used after this.
        unsafe { ffi::dj_dec_icc_free(data) };
        Ok(Some(profile))
    }

    /// The EXIF block as it is kept in an APP1 segment: a TIFF structure, without the leading `Exif\0\0`.
    #[must_use]
    pub fn exif(&self) -> Option<&[u8]> {
        for index in 0.. {
            let (mut data, mut size) = (std::ptr::null(), 0);
            // SAFETY: `raw` is a live codec; both results outlive the call.
            if unsafe { ffi::dj_dec_app1(self.codec.raw.as_ptr(), index, &raw mut data, &raw mut size) } == 0 {
                break;
            }
            if data.is_null() {
                continue;
            }
            // SAFETY: saved markers stay in place for as long as the codec lives, which is as long as `self` is borrowed:
            // only taking `self` by value starts the decoding.
            let segment = unsafe { std::slice::from_raw_parts(data, size) };
            if let Some(exif) = segment.strip_prefix(b"Exif\0\0") {
                return Some(exif);
            }
        }
        None
    }

    /// Goes on to the pixels. Chroma is interpolated smoothly.
    ///
    /// # Errors
    /// `Unsupported` when the JPEG's colour cannot be turned into `output`; `Corrupt` and `Io` for one with
    /// [`Header::whole`], which is read to its end here.
    pub fn rows(mut self, output: Output, scale: Scale) -> Result<Rows<'a>, Error> {
        let code = match output {
            Output::Gray => 1,
            Output::Rgb => 2,
            Output::Cmyk => 3,
        };
        let denominator = match scale {
            Scale::Full => 1,
            Scale::Half => 2,
            Scale::Quarter => 4,
            Scale::Eighth => 8,
        };
        let (width, height) = self.codec.start(code, denominator)?;
        Ok(Rows { codec: self.codec, width, height, row_bytes: width as usize * output.samples(), done: 0 })
    }

    /// Goes on to the planes as stored.
    ///
    /// # Errors
    /// As [`Self::rows`]; `Unsupported` for a lossless JPEG.
    pub fn raw(mut self) -> Result<Raw<'a>, Error> {
        if self.header.lossless {
            return Err(Error { kind: ErrorKind::Unsupported, message: "a lossless JPEG has no planes".into() });
        }
        self.codec.start(0, 1)?;
        let band_rows = 8 * self.header.sampling.iter().map(|s| s.1).max().unwrap_or(1);
        Ok(Raw { codec: self.codec, header: self.header, band_rows, done: 0 })
    }
}
