//! What a TIFF's directory says of its pixels, checked before any of them is read.

use dlcs_model::{Failure, SourceFormat};

use super::directory::{Directory, Input, Tag};
use crate::source::Limits;
use crate::source::native::{corrupt, unsupported};

/// How the chunks (strips or tiles) are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Lzw,
    Deflate,
    PackBits,
    Jpeg,
    /// CCITT's one-dimensional rows, each starting at a byte.
    Rle,
    /// CCITT T.4 (group 3); two-dimensional where the flag says so.
    Group3 {
        two: bool,
    },
    /// CCITT T.6 (group 4).
    Group4,
}

/// How the samples are meant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Photometric {
    WhiteIsZero,
    BlackIsZero,
    Rgb,
    /// The colours of all indices.
    Palette(Vec<[u8; 3]>),
    Cmyk,
    /// Luma and colour differences, the latter for blocks of `h` x `v` pixels.
    YCbCr {
        h: usize,
        v: usize,
    },
}

/// What a sample beyond the colour is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Alpha {
    None,
    /// Colour is premultiplied with it.
    Associated,
    Unassociated,
}

/// Everything about the pixels but the pixels.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) width: u32,
    pub(super) height: u32,
    /// Bits of a sample: 1, 2, 4, 8 or 16.
    pub(super) bits: usize,
    /// Samples of a pixel, extra ones included.
    pub(super) samples: usize,
    pub(super) photometric: Photometric,
    pub(super) alpha: Alpha,
    pub(super) compression: Compression,
    /// Samples are stored as differences to the pixel on their left.
    pub(super) predictor: bool,
    /// Each sample has chunks of its own.
    pub(super) planar: bool,
    /// Bits are stored lowest first.
    pub(super) reversed: bool,
    pub(super) tiled: bool,
    /// Samples of 16 bits have their low byte first.
    pub(super) little: bool,
    pub(super) chunk_width: u32,
    pub(super) chunk_height: u32,
    /// Offset and length of each chunk in the file.
    pub(super) chunks: Vec<(u64, u64)>,
    pub(super) jpeg_tables: Vec<u8>,
}

impl Layout {
    /// Reads and checks a directory.
    pub(super) fn read(input: &Input, directory: &Directory, limits: &Limits) -> Result<Self, Failure> {
        let one = |tag, default| input.one(directory, tag, default);
        let (width, height) = (one(Tag::ImageWidth, 0)?, one(Tag::ImageLength, 0)?);
        limits.admit(width, height, false)?;
        let bits = bits(input, directory)?;
        let compression = compression(one(Tag::Compression, 1)?, one(Tag::T4Options, 0)?)?;
        let samples = one(Tag::SamplesPerPixel, 1)? as usize;
        let photometric = photometric(input, directory, compression)?;
        let tiled = input.numbers(directory, Tag::TileOffsets)?.is_some();
        let (chunk_width, chunk_height) = if tiled {
            (one(Tag::TileWidth, 0)?, one(Tag::TileLength, 0)?)
        } else {
            // "All rows" is written as the largest number.
            (width, one(Tag::RowsPerStrip, height)?.min(height))
        };
        let mut layout = Self {
            width,
            height,
            bits,
            samples,
            alpha: alpha(input, directory, &photometric, samples)?,
            photometric,
            compression,
            predictor: predictor(one(Tag::Predictor, 1)?, compression)?,
            planar: samples > 1 && one(Tag::PlanarConfiguration, 1)? == 2,
            reversed: one(Tag::FillOrder, 1)? == 2,
            tiled,
            little: input.little,
            chunk_width,
            chunk_height,
            chunks: Vec::new(),
            jpeg_tables: input.raw(directory, Tag::JpegTables)?.unwrap_or_default(),
        };
        layout.check(limits)?;
        layout.chunks = layout.find_chunks(input, directory)?;
        Ok(layout)
    }

    /// Colour samples of a stored pixel.
    pub(super) fn color_samples(&self) -> usize {
        match self.photometric {
            Photometric::WhiteIsZero | Photometric::BlackIsZero | Photometric::Palette(_) => 1,
            Photometric::Rgb | Photometric::YCbCr { .. } => 3,
            Photometric::Cmyk => 4,
        }
    }

    /// Samples of a pixel within one chunk.
    pub(super) fn chunk_samples(&self) -> usize {
        if self.planar { 1 } else { self.samples }
    }

    /// Chunks side by side.
    pub(super) fn across(&self) -> usize {
        self.width.div_ceil(self.chunk_width) as usize
    }

    /// Chunks of one plane.
    pub(super) fn per_plane(&self) -> usize {
        self.across() * self.height.div_ceil(self.chunk_height) as usize
    }

    /// Whether chroma has fewer samples than luma, in chunks that are not JPEGs.
    pub(super) fn blocks(&self) -> Option<(usize, usize)> {
        match self.photometric {
            Photometric::YCbCr { h, v } if self.compression != Compression::Jpeg => Some((h, v)),
            _ => None,
        }
    }

    /// Bytes of one row of a chunk; with colour blocks, of a row of blocks.
    pub(super) fn chunk_row_bytes(&self) -> usize {
        let width = self.chunk_width as usize;
        match self.blocks() {
            Some((h, v)) => width.div_ceil(h) * (h * v + 2),
            None => (width * self.chunk_samples() * self.bits).div_ceil(8),
        }
    }

    /// Rows of a chunk, as wide as the image, that are in memory at once.
    pub(super) fn held_rows(&self) -> u64 {
        let chunk = u64::from(self.chunk_height);
        match (self.tiled, self.compression) {
            // The tiles side by side, and the one being decompressed.
            (true, _) => (self.across() as u64 + 1) * chunk,
            (false, Compression::Jpeg) => chunk,
            (false, _) => 1,
        }
    }

    fn check(&self, limits: &Limits) -> Result<(), Failure> {
        self.check_samples()?;
        if self.chunk_width == 0 || self.chunk_height == 0 {
            return Err(corrupt(SourceFormat::Tiff, "its tiles or strips are empty"));
        }
        if self.tiled {
            // A row of tiles is in memory at once, padding included.
            let padded = self.width.next_multiple_of(self.chunk_width);
            limits.admit(padded, self.chunk_height, true)?;
            if !(self.chunk_width as usize * self.chunk_samples() * self.bits).is_multiple_of(8) {
                let what = format!("tiles that are {} pixels wide", self.chunk_width);
                return Err(unsupported(SourceFormat::Tiff, what));
            }
        }
        let Some((h, v)) = self.blocks() else { return Ok(()) };
        let whole_rows =
            (self.chunk_height as usize).is_multiple_of(v) || (!self.tiled && self.chunk_height == self.height);
        if !whole_rows || (self.tiled && !(self.chunk_width as usize).is_multiple_of(h)) {
            return Err(unsupported(SourceFormat::Tiff, "chunks that split its colour blocks"));
        }
        Ok(())
    }

    fn check_samples(&self) -> Result<(), Failure> {
        /// Extra samples are rare, and more than these are no image for viewing.
        const SAMPLES: usize = 16;
        let odd = |what: String| Err(unsupported(SourceFormat::Tiff, what));
        let kind = self.photometric.name();
        if self.samples < self.color_samples() || self.samples > SAMPLES {
            return odd(format!("{} samples for {kind}", self.samples));
        }
        let few = matches!(self.bits, 1 | 2 | 4);
        let index = matches!(self.photometric, Photometric::Palette(_));
        let fits = match self.bits {
            8 => true,
            16 => !index && self.blocks().is_none(),
            _ => few && self.blocks().is_none() && (!index || self.samples == 1),
        };
        if !fits {
            return odd(format!("{} bits a sample for {kind}", self.bits));
        }
        let fax = matches!(self.compression, Compression::Rle | Compression::Group3 { .. } | Compression::Group4);
        if (fax && self.bits != 1) || (self.compression == Compression::Jpeg && (self.bits != 8 || index)) {
            return odd(format!("{:?} compression with {} bits a sample of {kind}", self.compression, self.bits));
        }
        if self.predictor && few {
            return odd("a predictor with less than 8 bits".into());
        }
        let differences = matches!(self.photometric, Photometric::YCbCr { .. });
        if self.planar && (index || differences) {
            return odd(format!("{kind} in planes"));
        }
        if differences && (self.samples != 3 || self.predictor) {
            return odd("YCbCr with extra samples or a predictor".into());
        }
        Ok(())
    }

    /// Offsets and lengths of all chunks.
    fn find_chunks(&self, input: &Input, directory: &Directory) -> Result<Vec<(u64, u64)>, Failure> {
        let (offsets, counts) = if self.tiled {
            (Tag::TileOffsets, Tag::TileByteCounts)
        } else {
            (Tag::StripOffsets, Tag::StripByteCounts)
        };
        let needed = self.per_plane() * if self.planar { self.samples } else { 1 };
        let offsets = input.numbers(directory, offsets)?.unwrap_or_default();
        if offsets.len() < needed {
            let detail = format!("it has {} tiles or strips of {needed}", offsets.len());
            return Err(corrupt(SourceFormat::Tiff, detail));
        }
        let counts = input.numbers(directory, counts)?.unwrap_or_default();
        let chunk = |(index, offset): (usize, u64)| {
            // Old writers leave the lengths out, or at zero: all that follows may belong to the chunk.
            let rest = input.length.saturating_sub(offset);
            let count = counts.get(index).copied().filter(|count| *count > 0).unwrap_or(rest);
            (offset, count.min(rest))
        };
        Ok(offsets.into_iter().take(needed).enumerate().map(chunk).collect())
    }
}

impl Photometric {
    /// What it is called in sentences.
    fn name(&self) -> &'static str {
        match self {
            Self::WhiteIsZero | Self::BlackIsZero => "grey",
            Self::Rgb => "RGB",
            Self::Palette(_) => "a palette",
            Self::Cmyk => "CMYK",
            Self::YCbCr { .. } => "YCbCr",
        }
    }
}

fn bits(input: &Input, directory: &Directory) -> Result<usize, Failure> {
    let bits = input.numbers(directory, Tag::BitsPerSample)?.unwrap_or_else(|| vec![1]);
    let Some(first) = bits.first().copied().filter(|first| bits.iter().all(|b| b == first)) else {
        return Err(unsupported(SourceFormat::Tiff, "samples of different depths"));
    };
    let formats = input.numbers(directory, Tag::SampleFormat)?.unwrap_or_default();
    if !formats.iter().all(|format| matches!(format, 1 | 4)) {
        return Err(unsupported(SourceFormat::Tiff, "samples that are signed or floating-point numbers"));
    }
    match first {
        1 | 2 | 4 | 8 | 16 => Ok(first as usize),
        other => Err(unsupported(SourceFormat::Tiff, format!("{other} bits a sample"))),
    }
}

fn compression(code: u32, options: u32) -> Result<Compression, Failure> {
    Ok(match code {
        1 => Compression::None,
        2 => Compression::Rle,
        3 => Compression::Group3 { two: options & 1 == 1 },
        4 => Compression::Group4,
        5 => Compression::Lzw,
        7 => Compression::Jpeg,
        8 | 32946 => Compression::Deflate,
        32773 => Compression::PackBits,
        6 => return Err(unsupported(SourceFormat::Tiff, "JPEG compression of the old style")),
        34712 | 33003 | 33005 => return Err(unsupported(SourceFormat::Tiff, "JPEG 2000 compression")),
        34925 => return Err(unsupported(SourceFormat::Tiff, "LZMA compression")),
        50000 => return Err(unsupported(SourceFormat::Tiff, "Zstandard compression")),
        50001 => return Err(unsupported(SourceFormat::Tiff, "WebP compression")),
        other => return Err(unsupported(SourceFormat::Tiff, format!("compression {other}"))),
    })
}

fn predictor(code: u32, compression: Compression) -> Result<bool, Failure> {
    match (code, compression) {
        // The standard defines it for these two only; elsewhere the tag is noise.
        (2, Compression::Lzw | Compression::Deflate) => Ok(true),
        (3, Compression::Lzw | Compression::Deflate) => {
            Err(unsupported(SourceFormat::Tiff, "a floating-point predictor"))
        }
        _ => Ok(false),
    }
}

fn photometric(input: &Input, directory: &Directory, compression: Compression) -> Result<Photometric, Failure> {
    // The tag is required, but some fax software leaves it out.
    let fax = matches!(compression, Compression::Rle | Compression::Group3 { .. } | Compression::Group4);
    match input.one(directory, Tag::Photometric, if fax { 0 } else { 1 })? {
        0 => Ok(Photometric::WhiteIsZero),
        1 => Ok(Photometric::BlackIsZero),
        2 => Ok(Photometric::Rgb),
        3 => palette(&input.numbers(directory, Tag::ColorMap)?.unwrap_or_default()),
        5 if input.one(directory, Tag::InkSet, 1)? == 1 => Ok(Photometric::Cmyk),
        5 => Err(unsupported(SourceFormat::Tiff, "inks other than CMYK")),
        6 => subsampling(input, directory),
        8..=10 => Err(unsupported(SourceFormat::Tiff, "CIE L*a*b* colours")),
        other => Err(unsupported(SourceFormat::Tiff, format!("photometric interpretation {other}"))),
    }
}

/// The colour map: all reds, then all greens, then all blues, of 16 bits each.
fn palette(map: &[u64]) -> Result<Photometric, Failure> {
    if map.is_empty() || !map.len().is_multiple_of(3) || map.len() > 3 * 256 {
        return Err(corrupt(SourceFormat::Tiff, format!("its colour map has {} entries", map.len())));
    }
    // Some writers forget to scale 8 bits to 16.
    let shift = if map.iter().all(|value| *value < 256) { 0 } else { 8 };
    let count = map.len() / 3;
    let color = |index: usize| [0, 1, 2].map(|channel| (map[channel * count + index] >> shift) as u8);
    Ok(Photometric::Palette((0..count).map(color).collect()))
}

fn subsampling(input: &Input, directory: &Directory) -> Result<Photometric, Failure> {
    let factors = input.numbers(directory, Tag::YCbCrSubSampling)?;
    let (h, v) = match factors.as_deref() {
        None => (2, 2),
        Some([h @ (1 | 2 | 4), v @ (1 | 2 | 4), ..]) => (*h as usize, *v as usize),
        Some(other) => return Err(corrupt(SourceFormat::Tiff, format!("its colour blocks are {other:?} pixels"))),
    };
    let coefficients = input.fractions(directory, Tag::YCbCrCoefficients)?;
    let usual = |c: &Vec<f32>| [0.299, 0.587, 0.114].iter().zip(c).all(|(a, b)| (a - b).abs() < 0.01);
    let range = input.fractions(directory, Tag::ReferenceBlackWhite)?;
    let full = |r: &Vec<f32>| [0.0, 255.0, 128.0, 255.0, 128.0, 255.0].iter().zip(r).all(|(a, b)| (a - b).abs() < 1.5);
    if !coefficients.as_ref().is_none_or(usual) || !range.as_ref().is_none_or(full) {
        return Err(unsupported(SourceFormat::Tiff, "YCbCr with the coefficients of video"));
    }
    Ok(Photometric::YCbCr { h, v })
}

fn alpha(input: &Input, directory: &Directory, photometric: &Photometric, samples: usize) -> Result<Alpha, Failure> {
    let colors = match photometric {
        Photometric::WhiteIsZero | Photometric::BlackIsZero => 1,
        Photometric::Rgb => 3,
        // CMYK is for print: what is transparent there is decided by its ink.
        Photometric::Palette(_) | Photometric::Cmyk | Photometric::YCbCr { .. } => return Ok(Alpha::None),
    };
    if samples <= colors {
        return Ok(Alpha::None);
    }
    let extra = input.numbers(directory, Tag::ExtraSamples)?.unwrap_or_default();
    Ok(match extra.first() {
        Some(1) => Alpha::Associated,
        Some(2) => Alpha::Unassociated,
        _ => Alpha::None,
    })
}
