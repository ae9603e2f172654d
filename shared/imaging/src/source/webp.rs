//! WebP, lossy and lossless, with or without alpha; of an animation the first frame.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};

use dlcs_model::{Failure, SourceFormat};
use image::codecs::webp::WebPDecoder;
use image::{ImageDecoder, ImageError};

use super::native::{Model, Native, NativeRows, Row, corrupt, truncated, unreadable, unsupported};
use super::{Chroma, Limits};
use crate::{color, orientation};

struct Webp {
    native: Native,
    /// Until the first row is asked for.
    decoder: Option<WebPDecoder<BufReader<File>>>,
    /// All pixels.
    pixels: Vec<u8>,
    next: usize,
}

/// Opens a WebP; nothing is decoded yet.
pub(super) fn open(mut file: File, limits: &Limits) -> Result<Box<dyn NativeRows>, Failure> {
    let Survey { lossless, exif, icc } = survey(&mut file).map_err(|error| unreadable(SourceFormat::Webp, &error))?;
    let lossless = lossless.unwrap_or_default();
    let decoder = WebPDecoder::new(BufReader::new(file)).map_err(failure)?;
    let (width, height) = decoder.dimensions();
    limits.admit(width, height, true)?;
    let alpha = decoder.color_type().has_alpha();
    let native = Native {
        format: SourceFormat::Webp,
        width,
        height,
        model: Model::Rgb,
        alpha,
        sixteen: false,
        chroma: if lossless { Chroma::Full } else { Chroma::Subsampled },
        lossless,
        orientation: exif.as_deref().map(orientation::of_exif).unwrap_or_default(),
        profile: icc.as_deref().and_then(color::parse),
    };
    Ok(Box::new(Webp { native, decoder: Some(decoder), pixels: Vec::new(), next: 0 }))
}

impl NativeRows for Webp {
    fn native(&self) -> &Native {
        &self.native
    }

    /// The pixels, and as much again as the decoder has of its own.
    fn memory(&self) -> u64 {
        (self.native.samples() as u64 + 4) * u64::from(self.native.width) * u64::from(self.native.height)
    }

    fn next_row(&mut self) -> Result<Row<'_>, Failure> {
        let length = self.native.row_samples();
        if let Some(decoder) = self.decoder.take() {
            let mut pixels = vec![0; length * self.native.height as usize];
            decoder.read_image(&mut pixels).map_err(failure)?;
            self.pixels = pixels;
        }
        let start = self.next * length;
        self.next += 1;
        self.pixels.get(start..start + length).map(Row::Eight).ok_or_else(|| truncated(SourceFormat::Webp))
    }
}

/// What the chunks of a file say without being decoded.
#[derive(Default)]
struct Survey {
    /// Whether the first picture is stored without loss.
    lossless: Option<bool>,
    exif: Option<Vec<u8>>,
    icc: Option<Vec<u8>>,
}

/// Goes through the chunks. The decoder would take memory for whatever length a chunk of metadata claims to have.
fn survey(file: &mut File) -> io::Result<Survey> {
    /// More than any animation has.
    const CHUNKS: usize = 1 << 20;
    let mut survey = Survey::default();
    let mut input = BufReader::new(&mut *file);
    input.seek(SeekFrom::Start(12))?;
    for number in 0..CHUNKS {
        let mut head = [0; 8];
        match input.read_exact(&mut head) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
            read => read?,
        }
        let [kind @ .., s0, s1, s2, s3] = head;
        let size = u64::from(u32::from_le_bytes([s0, s1, s2, s3]));
        let mut skip = size + size % 2;
        match &kind {
            b"VP8L" | b"VP8 " => {
                survey.lossless.get_or_insert(kind == *b"VP8L");
                if number == 0 {
                    // What follows in a file of the simple kind is no part of it.
                    break;
                }
            }
            // A frame of an animation: its own chunks come after 16 bytes of its own.
            b"ANMF" => skip = 16,
            b"EXIF" if survey.exif.is_none() => {
                survey.exif = Some(body(&mut input, size)?);
                skip = size % 2;
            }
            b"ICCP" if survey.icc.is_none() => {
                survey.icc = Some(body(&mut input, size)?);
                skip = size % 2;
            }
            _ => {}
        }
        input.seek_relative(skip.cast_signed())?;
    }
    file.rewind()?;
    Ok(survey)
}

/// The bytes of a chunk, as many as it says.
fn body(input: &mut impl Read, size: u64) -> io::Result<Vec<u8>> {
    /// Room for the largest real profile.
    const LONGEST: u64 = 64 * 1024 * 1024;
    if size > LONGEST {
        return Err(io::Error::new(ErrorKind::InvalidData, "a chunk is larger than any real one"));
    }
    let mut bytes = Vec::new();
    input.take(size).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == size { Ok(bytes) } else { Err(ErrorKind::UnexpectedEof.into()) }
}

fn failure(error: ImageError) -> Failure {
    match error {
        ImageError::IoError(error) => unreadable(SourceFormat::Webp, &error),
        ImageError::Unsupported(error) => unsupported(SourceFormat::Webp, error),
        ImageError::Decoding(error) => corrupt(SourceFormat::Webp, error),
        ImageError::Encoding(_) | ImageError::Parameter(_) | ImageError::Limits(_) => {
            corrupt(SourceFormat::Webp, error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::fixtures::{decode, fails, samples, torture};
    use dlcs_model::FailureCode;

    #[test]
    fn lossless_is_exact() {
        let rgb = samples(41, 33, 3);
        let (info, pixels) = decode(&webp::Encoder::from_rgb(&rgb, 41, 33).encode_lossless()).unwrap();
        assert!(info.lossless && info.chroma == Chroma::Full && !info.alpha);
        assert_eq!(pixels, rgb);
        // Invisible pixels have no colour to keep.
        let rgba: Vec<u8> = samples(41, 33, 4).chunks(4).flat_map(|p| [p[0], p[1], p[2], p[3].max(1)]).collect();
        let (info, pixels) = decode(&webp::Encoder::from_rgba(&rgba, 41, 33).encode_lossless()).unwrap();
        assert!(info.lossless && info.alpha);
        assert_eq!(pixels, rgba);
    }

    #[test]
    fn lossy_is_close_and_keeps_alpha() {
        let rgba: Vec<u8> =
            (0..64 * 48).flat_map(|n: u32| [(n % 64) as u8 * 2 + 60, 90, 120, (n / 64 * 5) as u8 | 1]).collect();
        let (info, pixels) = decode(&webp::Encoder::from_rgba(&rgba, 64, 48).encode(90.0)).unwrap();
        assert!(!info.lossless && info.chroma == Chroma::Subsampled && info.alpha);
        let error: u32 = rgba.iter().zip(&pixels).map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        assert!(error < 4 * rgba.len() as u32, "{error}");
        let alphas = |pixels: &[u8]| pixels.iter().skip(3).step_by(4).copied().collect::<Vec<_>>();
        assert_eq!(alphas(&pixels), alphas(&rgba));
    }

    /// A file of the extended kind: this picture, and a chunk that claims to be of a size.
    fn extended(picture: &[u8], kind: &[u8; 4], size: u32, data: &[u8]) -> Vec<u8> {
        let head = b"VP8X\x0A\0\0\0\0\0\0\0\x28\0\0\x20\0\0";
        let body = [&b"WEBP"[..], head, &picture[12..], kind, &size.to_le_bytes(), data].concat();
        [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), &body].concat()
    }

    #[test]
    fn no_memory_is_taken_for_metadata_that_is_not_there() {
        let picture = webp::Encoder::from_rgb(&samples(41, 33, 3), 41, 33).encode_lossless().to_vec();
        for kind in [b"EXIF", b"ICCP"] {
            let file = |size| extended(&picture, kind, size, &[0; 20]);
            assert_eq!(fails(&file(20)), None);
            for size in [21, 60_000_000, 2_000_000_000, u32::MAX] {
                assert_eq!(fails(&file(size)), Some(FailureCode::CorruptImage), "{size}");
            }
        }
    }

    #[test]
    fn damage_is_found() {
        let rgb = samples(64, 48, 3);
        let encoder = webp::Encoder::from_rgb(&rgb, 64, 48);
        for file in [encoder.encode_lossless().to_vec(), encoder.encode(80.0).to_vec()] {
            torture(&file, file.len() - 8);
            assert_eq!(fails(&file[..file.len() / 2]), Some(FailureCode::CorruptImage));
        }
    }
}
