//! What a client sees: decoded pixels.

use anyhow::Context as _;
use dlcs_jpeg::{Decoder, Output, Scale};
use image::RgbImage;

/// The pixels of a JPEG.
///
/// # Errors
/// It is none, or a damaged one.
pub fn jpeg(bytes: &[u8]) -> anyhow::Result<RgbImage> {
    let mut rows = Decoder::from_bytes(bytes)?.rows(Output::Rgb, Scale::Full)?;
    let (width, height, stride) = (rows.width(), rows.height(), rows.width() as usize * 3);
    let mut pixels = vec![0; stride * height as usize];
    let mut done = 0;
    while done < height as usize {
        done += rows.read(&mut pixels[done * stride..])?;
    }
    RgbImage::from_raw(width, height, pixels).context("a buffer of another size")
}
