//! WebP, lossy and lossless, with or without alpha; of an animation the first frame.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};

use dlcs_model::{Failure, SourceFormat};
use image::codecs::webp::WebPDecoder;
use image::{ImageDecoder, ImageError};

use super::native::{Model, Native, NativeRows, Whole, corrupt, unreadable, unsupported};
use super::{Chroma, Limits};
use crate::{color, orientation};

/// Opens a WebP and decodes it.
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
    let mut pixels = vec![0; native.row_samples() * height as usize];
    decoder.read_image(&mut pixels).map_err(failure)?;
    Ok(Box::new(Whole { native, pixels, next: 0 }))
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
