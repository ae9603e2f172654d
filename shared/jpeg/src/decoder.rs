//! Reading a JPEG: its header and metadata first, then rows of pixels or bands of its own planes.

use std::fs::File;
use std::marker::PhantomData;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;

use crate::error::{Error, check};
use crate::ffi;

/// How a JPEG stores colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// One component.
    Gray,
    /// Luma and two colour differences; the usual.
    YCbCr,
    /// Red, green and blue as they are.
    Rgb,
    /// Four inks. With an Adobe marker the samples are inverted (255 is no ink).
    Cmyk,
    /// Four inks, three of them as luma and colour differences; read as [`Output::Cmyk`].
    Ycck,
    /// Anything else.
    Other,
}

/// What is known before any pixel is decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Pixels across, as stored (EXIF orientation not applied).
    pub width: u32,
    /// Pixels down, as stored.
    pub height: u32,
    /// How colour is stored.
    pub colour: Colour,
    /// Horizontal and vertical sampling factor of each component.
    pub sampling: Vec<(u32, u32)>,
    /// Whether decoding buffers the coefficients of the whole image (2 bytes per sample): progressive or several scans.
    pub whole: bool,
    /// Whether it is a predictive (lossless) JPEG, which has no planes to be read by [`Decoder::raw`].
    pub lossless: bool,
    /// The transform that an Adobe marker names, when there is such a marker.
    pub adobe_transform: Option<u8>,
}

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

/// The C codec and what it reads from.
struct Codec<'a> {
    raw: NonNull<ffi::Dec>,
    _file: Option<File>,
    _bytes: PhantomData<&'a [u8]>,
}

// SAFETY: a codec owns all it points to (or borrows bytes that are shared immutably), has no thread-local state and is
// only used through `&mut self` once decoding has begun.
unsafe impl Send for Codec<'_> {}

impl Drop for Codec<'_> {
    fn drop(&mut self) {
        // SAFETY: `raw` came from dj_dec_new and is freed once.
        unsafe { ffi::dj_dec_free(self.raw.as_ptr()) }
    }
}

impl Codec<'_> {
    fn new(file: Option<File>) -> Result<Self, Error> {
        // SAFETY: takes nothing; null means no memory.
        let raw = NonNull::new(unsafe { ffi::dj_dec_new() }).ok_or_else(Error::memory)?;
        Ok(Self { raw, _file: file, _bytes: PhantomData })
    }

    fn check(&self, status: i32) -> Result<(), Error> {
        // SAFETY: `raw` is a live codec.
        check(status, || unsafe { ffi::dj_dec_message(self.raw.as_ptr()) })
    }

    fn start(&mut self, output: i32, scale: u32) -> Result<(u32, u32), Error> {
        let (mut width, mut height) = (0, 0);
        // SAFETY: `raw` is a live codec; the two numbers outlive the call.
        let status = unsafe { ffi::dj_dec_start(self.raw.as_ptr(), output, scale, &raw mut width, &raw mut height) };
        self.check(status)?;
        Ok((width, height))
    }
}

impl Decoder<'static> {
    /// Reads the header of a file from its current position on; the file is then read in pieces of 64 KiB.
    ///
    /// # Errors
    /// Any [`Error`]; `NotJpeg` when the first bytes are no JPEG's.
    pub fn open(file: File) -> Result<Self, Error> {
        let fd = file.as_raw_fd();
        let codec = Codec::new(Some(file))?;
        let mut info = ffi::Info::default();
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
        let mut info = ffi::Info::default();
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
            return Err(Error { kind: crate::ErrorKind::Unsupported, message: "a lossless JPEG has no planes".into() });
        }
        self.codec.start(0, 1)?;
        let band_rows = 8 * self.header.sampling.iter().map(|s| s.1).max().unwrap_or(1);
        Ok(Raw { codec: self.codec, header: self.header, band_rows, done: 0 })
    }
}

fn header(info: &ffi::Info) -> Header {
    let colour = match info.space {
        1 => Colour::Gray,
        2 => Colour::YCbCr,
        3 => Colour::Rgb,
        4 => Colour::Cmyk,
        5 => Colour::Ycck,
        _ => Colour::Other,
    };
    Header {
        width: info.width,
        height: info.height,
        colour,
        sampling: info.h.iter().copied().zip(info.v).take(info.components as usize).collect(),
        whole: info.whole != 0,
        lossless: info.lossless != 0,
        adobe_transform: (info.adobe != 0).then(|| u8::try_from(info.transform).unwrap_or(u8::MAX)),
    }
}

/// A JPEG being decoded to rows of interleaved pixels, from top to bottom.
pub struct Rows<'a> {
    codec: Codec<'a>,
    width: u32,
    height: u32,
    row_bytes: usize,
    done: u32,
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

/// A plane that receives one band of one component.
pub struct PlaneMut<'a> {
    /// The rows, `stride` bytes apart.
    pub data: &'a mut [u8],
    /// Bytes from one row to the next.
    pub stride: usize,
}

/// A JPEG being decoded to its own planes, one band (row of MCUs) at a time.
pub struct Raw<'a> {
    codec: Codec<'a>,
    header: Header,
    band_rows: u32,
    done: u32,
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
}
