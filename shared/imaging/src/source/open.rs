//! Opens a file of any known format, and keeps whatever its decoder does inside.

use std::fs::File;
use std::io::{Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};

use dlcs_model::{Failure, FailureCode, SourceFormat};

use super::native::{NativeRows, name};
use super::upright::Upright;
use super::{Limits, RowSource, SourceInfo};

/// Opens an image, whatever its format: reads its header, checks `limits`, and hands out its rows upright in sRGB or grey.
///
/// # Errors
/// `not-an-image` for unknown bytes, `unsupported-format` for kinds we do not read, `too-many-pixels` over a limit,
/// `corrupt-image` for damage in the header, `decoder-crash` when the decoder died, `internal` when the file is unreadable.
pub fn open(mut file: File, limits: &Limits) -> Result<Box<dyn RowSource>, Failure> {
    let format = sniff(&mut file)?;
    let opened = guard(format, || open_format(format, file, limits).and_then(|rows| Upright::new(rows, limits)))?;
    Ok(Box::new(Guarded { inner: opened, failed: None }))
}

fn open_format(format: SourceFormat, file: File, limits: &Limits) -> Result<Box<dyn NativeRows>, Failure> {
    match format {
        SourceFormat::Jpeg => super::jpeg::open(file, limits),
        SourceFormat::Png => super::png::open(file, limits),
        SourceFormat::Webp => super::webp::open(file, limits),
        SourceFormat::Gif => super::gif::open(file, limits),
        SourceFormat::Tiff => super::tiff::open(file, limits),
        SourceFormat::Jpeg2000 => super::jpeg2000::open(file, limits),
    }
}

/// Recognises the format and leaves the file at its start.
fn sniff(file: &mut File) -> Result<SourceFormat, Failure> {
    let mut head = Vec::new();
    file.by_ref().take(HEAD_BYTES).read_to_end(&mut head).map_err(|error| ours(&error))?;
    file.rewind().map_err(|error| ours(&error))?;
    SourceFormat::sniff(&head).ok_or_else(|| unknown(&head))
}

/// Enough to recognise every format, and text where an image should be.
const HEAD_BYTES: u64 = 512;

/// What is wrong with bytes of no format that we read.
fn unknown(head: &[u8]) -> Failure {
    match unread(head) {
        Some(kind) => Failure::new(FailureCode::UnsupportedFormat, format!("the bytes are {kind}, which is not read")),
        None => Failure::new(FailureCode::NotAnImage, looks(head)),
    }
}

/// Formats with pictures in them that are known and not read.
fn unread(head: &[u8]) -> Option<&'static str> {
    match head {
        [_, _, _, _, b'f', b't', b'y', b'p', brand @ ..] => match brand.first_chunk() {
            Some(b"avif" | b"avis") => Some("an AVIF"),
            Some(b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1") => Some("a HEIC"),
            _ => None,
        },
        [b'%', b'P', b'D', b'F', b'-', ..] => Some("a PDF"),
        _ => None,
    }
}

/// What the bytes look like that are no image.
fn looks(head: &[u8]) -> &'static str {
    if head.is_empty() {
        return "the origin sent no bytes";
    }
    let start: String = String::from_utf8_lossy(head).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    if start.starts_with("<!doctype html") || start.starts_with("<html") || start.starts_with("<head") {
        "the bytes are HTML, not an image: the origin may have answered with a page"
    } else if start.starts_with("<?xml") || start.starts_with("<svg") {
        "the bytes are XML, not an image of a known format"
    } else if start.starts_with('{') || start.starts_with('[') {
        "the bytes look like JSON, not an image"
    } else {
        "the bytes are no image of a known format"
    }
}

/// A file of ours that cannot be read.
fn ours(error: &std::io::Error) -> Failure {
    tracing::error!(%error, "cannot open a source file");
    Failure::internal()
}

/// Runs a decoder; one that panics has failed, and nothing else has.
fn guard<T>(format: SourceFormat, run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let detail = format!("the decoder died on this {} file", name(format));
        Err(Failure::new(FailureCode::DecoderCrash, detail))
    })
}

/// A source whose decoder may panic, and which stays failed once it failed.
struct Guarded {
    inner: Upright,
    failed: Option<Failure>,
}

impl RowSource for Guarded {
    fn info(&self) -> &SourceInfo {
        self.inner.info()
    }

    fn memory(&self) -> u64 {
        self.inner.memory()
    }

    fn read_rows(&mut self, rows: &mut [u8]) -> Result<usize, Failure> {
        if let Some(failure) = &self.failed {
            return Err(failure.clone());
        }
        let format = self.inner.info().format;
        guard(format, || self.inner.read_rows(rows)).inspect_err(|failure| self.failed = Some(failure.clone()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::orientation::Orientation;
    use crate::source::fixtures::{TiffFile, fails, open_bytes, open_limited, read_all, samples};

    #[test]
    fn says_what_is_no_image() {
        for (bytes, word) in [
            (&b""[..], "no bytes"),
            (b"<!DOCTYPE html><title>404</title>", "HTML"),
            (b"\xEF\xBB\xBF \n<HTML>", "HTML"),
            (b"{\"error\":1}", "JSON"),
            (b"<?xml version='1.0'?><svg/>", "XML"),
            (b"GIF", "no image of a known format"),
            (&[7; 5000], "no image of a known format"),
        ] {
            let failure = open_bytes(bytes).err().unwrap();
            assert_eq!(failure.code, FailureCode::NotAnImage);
            assert!(failure.detail.contains(word), "{}", failure.detail);
        }
        let kinds: [(&[u8], _); 4] = [
            (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "a HEIC"),
            (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "a HEIC"),
            (b"\0\0\0\x20ftypavif\0\0\0\0avifmif1", "an AVIF"),
            (b"%PDF-1.7\n", "a PDF"),
        ];
        for (bytes, kind) in kinds {
            let failure = open_bytes(bytes).err().unwrap();
            assert_eq!(failure.code, FailureCode::UnsupportedFormat);
            assert!(failure.detail.contains(kind), "{}", failure.detail);
        }
    }

    /// A PNG's header and nothing else.
    fn png_head(width: u32, height: u32, interlaced: u8) -> Vec<u8> {
        let mut chunk = b"IHDR".to_vec();
        chunk.extend([width.to_be_bytes(), height.to_be_bytes()].concat());
        chunk.extend([8, 6, 0, 0, interlaced]);
        let mut crc = flate2::Crc::new();
        crc.update(&chunk);
        [b"\x89PNG\r\n\x1a\n\0\0\0\x0D", &chunk[..], &crc.sum().to_be_bytes(), b"\0\0\0\0IDAT"].concat()
    }

    #[test]
    fn huge_claims_are_refused_at_once() {
        let side = 60_000u32;
        let gif = [b"GIF89a", &[0xFF; 4][..], &[0, 0, 0, b',', 0, 0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0]].concat();
        let webp = b"RIFF\x60\0\0\0WEBPVP8L\x40\0\0\0\x2F\xFE\xBF\xFF\x0F".to_vec();
        let jpeg = b"\xFF\xD8\xFF\xC2\0\x11\x08\xEA\x60\xEA\x60\x03\x01\x11\0\x02\x11\0\x03\x11\0\xFF\xDA\0\x0C\x03\x01\0\x02\0\x03\0\0\0\0".to_vec();
        let tiles = TiffFile::new(30_000, 30_000, 8, 3, 2).tiles(16, 60_000).chunk(vec![0]);
        let files = [
            png_head(side, side, 0),
            png_head(side, side, 1),
            png_head(u32::MAX >> 1, 1, 0),
            png_head(20_000, 20_000, 1),
            gif,
            webp,
            jpeg,
            TiffFile::new(side, side, 8, 3, 2).chunk(vec![0]).bytes(),
            TiffFile::new(u32::MAX, u32::MAX, 8, 3, 2).chunk(vec![0]).bytes(),
            TiffFile::new(20_000, 20_000, 8, 3, 2).with(274, 6).chunk(vec![0]).bytes(),
            tiles.bytes(),
        ];
        let start = Instant::now();
        for (number, file) in files.iter().enumerate() {
            let failure = open_bytes(file).err().unwrap_or_else(|| panic!("file {number} was opened"));
            let code = if number == 10 { FailureCode::CorruptImage } else { FailureCode::TooManyPixels };
            assert!(failure.code == FailureCode::TooManyPixels || failure.code == code, "{number}: {failure}");
        }
        assert!(start.elapsed() < Duration::from_millis(500), "{:?}", start.elapsed());
    }

    #[test]
    fn the_sentence_names_size_and_limit() {
        let limits = Limits { streamed_pixels: 100, whole_pixels: 50, side: 30 };
        let refuse = |w, h, whole| limits.admit(w, h, whole).err().map(|failure| failure.detail);
        assert_eq!(limits.admit(10, 10, false), Ok(()));
        assert_eq!(limits.admit(10, 5, true), Ok(()));
        assert_eq!(refuse(11, 10, false).unwrap(), "the image is 11 x 10 pixels; the limit is 100 pixels");
        assert!(refuse(10, 6, true).unwrap().ends_with("decoded as a whole, is 50"));
        assert_eq!(refuse(31, 1, false).unwrap(), "the image is 31 x 1 pixels; no side may be longer than 30");
        assert_eq!(limits.admit(0, 9, false).err().unwrap().code, FailureCode::CorruptImage);
    }

    #[test]
    fn turned_images_need_the_whole_limit() {
        let limits = Limits { streamed_pixels: 1000, whole_pixels: 100, side: 100 };
        for orientation in 1..=8 {
            let file = TiffFile::new(20, 10, 8, 1, 1).with(274, orientation).chunk(samples(20, 10, 1)).bytes();
            let code = open_limited(&file, &limits).err().map(|failure| failure.code);
            assert_eq!(code, (orientation > 2).then_some(FailureCode::TooManyPixels));
        }
    }

    #[test]
    fn every_orientation_comes_out_upright() {
        let upright = samples(5, 3, 3);
        for orientation in Orientation::ALL {
            let (w, h) = orientation.upright(5, 3);
            // Where each upright pixel is stored.
            let place = |x: usize, y: usize| match orientation {
                Orientation::Upright => y * 5 + x,
                Orientation::Mirror => y * 5 + 4 - x,
                Orientation::Half => (2 - y) * 5 + 4 - x,
                Orientation::Flip => (2 - y) * 5 + x,
                Orientation::Transpose => x * 3 + y,
                Orientation::Clockwise => (4 - x) * 3 + y,
                Orientation::Transverse => (4 - x) * 3 + 2 - y,
                Orientation::Counterclockwise => x * 3 + 2 - y,
            };
            let mut stored = vec![0; 45];
            for (n, pixel) in upright.chunks(3).enumerate() {
                stored[place(n % 5, n / 5) * 3..][..3].copy_from_slice(pixel);
            }
            let tag = Orientation::ALL.iter().position(|o| *o == orientation).unwrap() as u16 + 1;
            let file = TiffFile::new(w, h, 8, 3, 2).with(274, tag).chunk(stored).bytes();
            for rows_at_once in [1, 2, 3, 9] {
                let mut source = open_bytes(&file).unwrap();
                assert_eq!((source.info().width, source.info().height), (5, 3));
                assert_eq!(read_all(source.as_mut(), rows_at_once).unwrap(), upright, "{orientation:?}");
            }
        }
    }

    #[test]
    fn a_panic_stays_inside() {
        let result: Result<(), Failure> = guard(SourceFormat::Gif, || panic!("as a decoder might"));
        assert_eq!(result.unwrap_err().code, FailureCode::DecoderCrash);
    }

    #[test]
    fn what_failed_stays_failed() {
        let file = TiffFile::new(4, 4, 8, 1, 1).chunk(vec![0; 16]).bytes();
        let mut bytes = file.clone();
        let strip = bytes.windows(8).position(|w| w == [17, 1, 4, 0, 1, 0, 0, 0]).unwrap() + 8;
        let near_end = file.len() as u32 - 6;
        bytes[strip..strip + 4].copy_from_slice(&near_end.to_le_bytes());
        let mut source = open_bytes(&bytes).unwrap();
        let mut row = [0; 4];
        assert_eq!(source.read_rows(&mut row), Ok(1));
        let failure = source.read_rows(&mut row).unwrap_err();
        assert_eq!(failure.code, FailureCode::CorruptImage);
        assert_eq!(source.read_rows(&mut row), Err(failure));
        assert_eq!(fails(&file), None);
    }
}
