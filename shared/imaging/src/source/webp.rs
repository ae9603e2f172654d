//! WebP, lossy and lossless, with or without alpha; of an animation the first frame.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

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
    let lossless = is_lossless(&mut file).map_err(|error| unreadable(SourceFormat::Webp, &error))?;
    let mut decoder = WebPDecoder::new(BufReader::new(file)).map_err(failure)?;
    let (width, height) = decoder.dimensions();
    limits.admit(width, height, true)?;
    let alpha = decoder.color_type().has_alpha();
    let exif = decoder.exif_metadata().map_err(failure)?;
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
        profile: decoder.icc_profile().map_err(failure)?.as_deref().and_then(color::parse),
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

/// Whether the first picture in the file is stored without loss.
fn is_lossless(file: &mut File) -> std::io::Result<bool> {
    /// Metadata before the picture; no real file has more chunks.
    const CHUNKS: usize = 64;
    let mut position = 12;
    let mut lossless = false;
    for _ in 0..CHUNKS {
        let mut head = [0; 8];
        file.seek(SeekFrom::Start(position))?;
        if file.read(&mut head)? < head.len() {
            break;
        }
        let [kind @ .., s0, s1, s2, s3] = head;
        match &kind {
            b"VP8L" => lossless = true,
            b"VP8 " => {}
            // A frame of an animation: its own chunks come after 16 bytes of its own.
            b"ANMF" => {
                position += 8 + 16;
                continue;
            }
            _ => {
                let size = u64::from(u32::from_le_bytes([s0, s1, s2, s3]));
                position += 8 + size + size % 2;
                continue;
            }
        }
        break;
    }
    file.rewind()?;
    Ok(lossless)
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
