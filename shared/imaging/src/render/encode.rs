//! Pictures to bytes, one function for each format.

use std::io::Cursor;

use dlcs_iiif::{Format, Quality};
use dlcs_jpeg::{Encoder, Sampling};

use super::canvas::Canvas;
use super::{Composition, Picture, RenderError, palette};

/// JPEG quality where chroma is reduced anyway.
const JPEG_HALF: u8 = 85;
/// JPEG quality where the derivative keeps all chroma, as for line art.
const JPEG_FULL: u8 = 90;
/// WebP quality, about as good as the JPEGs.
const WEBP: f32 = 82.0;

/// Whether a format carries transparency.
pub(super) fn keeps_alpha(format: Format) -> bool {
    match format {
        Format::Png | Format::Webp => true,
        Format::Jpg | Format::Tif | Format::Gif => false,
    }
}

/// The quality of a JPEG whose colour is sampled like that of the derivative.
pub(super) fn jpeg_quality(sampling: Sampling) -> u8 {
    match sampling {
        Sampling::Half => JPEG_HALF,
        Sampling::Full | Sampling::Gray => JPEG_FULL,
    }
}

pub(super) fn encode(encoder: &mut Encoder, picture: Picture, wanted: &Composition) -> Result<Vec<u8>, RenderError> {
    let encoded = match wanted.format {
        Format::Jpg => jpeg(encoder, &picture),
        Format::Png => png(picture, wanted.quality == Quality::Bitonal),
        Format::Webp => webp(picture),
        Format::Tif => tiff(&picture.colour),
        Format::Gif => gif(&picture.colour),
    };
    encoded.map_err(RenderError::Encode)
}

fn jpeg(encoder: &mut Encoder, picture: &Picture) -> Result<Vec<u8>, String> {
    let Canvas { width, height, ref data, .. } = picture.colour;
    let quality = jpeg_quality(picture.sampling);
    encoder.encode((width, height), data, picture.sampling, quality).map(<[u8]>::to_vec).map_err(|e| e.to_string())
}

fn png(picture: Picture, bitonal: bool) -> Result<Vec<u8>, String> {
    let canvas = with_alpha(picture);
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, canvas.width, canvas.height);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_color(match canvas.channels {
        1 => png::ColorType::Grayscale,
        2 => png::ColorType::GrayscaleAlpha,
        3 => png::ColorType::Rgb,
        _ => png::ColorType::Rgba,
    });
    let packed = bitonal && canvas.channels == 1;
    if packed {
        encoder.set_depth(png::BitDepth::One);
    }
    let mut writer = encoder.write_header().map_err(|e| e.to_string())?;
    let written =
        if packed { writer.write_image_data(&pack_bits(&canvas)) } else { writer.write_image_data(&canvas.data) };
    written.map_err(|e| e.to_string())?;
    writer.finish().map_err(|e| e.to_string())?;
    Ok(bytes)
}

/// Eight pixels to a byte, rows padded to whole bytes.
fn pack_bits(canvas: &Canvas) -> Vec<u8> {
    let byte = |pixels: &[u8]| pixels.iter().enumerate().fold(0, |byte, (i, v)| byte | ((v & 0x80) >> i));
    canvas.data.chunks_exact(canvas.row_bytes()).flat_map(|row| row.chunks(8).map(byte)).collect()
}

fn webp(picture: Picture) -> Result<Vec<u8>, String> {
    let canvas = in_colour(with_alpha(picture));
    let encoder = match canvas.channels {
        3 => webp::Encoder::from_rgb(&canvas.data, canvas.width, canvas.height),
        _ => webp::Encoder::from_rgba(&canvas.data, canvas.width, canvas.height),
    };
    encoder.encode_simple(false, WEBP).map(|bytes| bytes.to_vec()).map_err(|e| format!("{e:?}"))
}

fn tiff(canvas: &Canvas) -> Result<Vec<u8>, String> {
    use tiff::encoder::{Compression, DeflateLevel, TiffEncoder, colortype};
    let mut bytes = Cursor::new(Vec::new());
    let encoder = TiffEncoder::new(&mut bytes).map_err(|e| e.to_string())?;
    let mut encoder = encoder.with_compression(Compression::Deflate(DeflateLevel::Fast));
    let written = match canvas.channels {
        1 => encoder.write_image::<colortype::Gray8>(canvas.width, canvas.height, &canvas.data),
        _ => encoder.write_image::<colortype::RGB8>(canvas.width, canvas.height, &canvas.data),
    };
    written.map_err(|e| e.to_string())?;
    Ok(bytes.into_inner())
}

fn gif(canvas: &Canvas) -> Result<Vec<u8>, String> {
    let side = |length: u32| u16::try_from(length).map_err(|_| "a GIF's sides end at 65,535 pixels".to_owned());
    let (width, height) = (side(canvas.width)?, side(canvas.height)?);
    let mut bytes = Vec::new();
    let (palette, entries) = if canvas.channels == 1 {
        ((0..=255).flat_map(|v| [v; 3]).collect(), canvas.data.clone())
    } else {
        palette::reduce(&canvas.data)
    };
    let frame = gif::Frame::from_indexed_pixels(width, height, entries, None);
    let mut encoder = gif::Encoder::new(&mut bytes, width, height, &palette).map_err(|e| e.to_string())?;
    encoder.write_frame(&frame).map_err(|e| e.to_string())?;
    drop(encoder);
    Ok(bytes)
}

/// Colour and transparency in one canvas. Stored colours are those seen on white; with the white taken out again they
/// look right on any ground.
fn with_alpha(picture: Picture) -> Canvas {
    let Picture { colour, alpha: Some(alpha), .. } = picture else { return picture.colour };
    let mut merged = Canvas::of_size(colour.width, colour.height, colour.channels + 1);
    let channels = colour.channels;
    let pixels = colour.data.chunks_exact(channels).zip(&alpha.data);
    for (target, (pixel, alpha)) in merged.data.chunks_exact_mut(channels + 1).zip(pixels) {
        for (value, seen) in target.iter_mut().zip(pixel) {
            *value = without_white(*seen, *alpha);
        }
        target[channels] = *alpha;
    }
    merged
}

fn without_white(seen: u8, alpha: u8) -> u8 {
    if alpha == 0 {
        return 255;
    }
    let (seen, alpha) = (i32::from(seen), i32::from(alpha));
    let own = ((seen - 255) * 255 - alpha / 2) / alpha + 255;
    own.clamp(0, 255) as u8
}

/// Grey as equal red, green and blue, for formats without grey.
fn in_colour(canvas: Canvas) -> Canvas {
    let Canvas { width, height, channels, data } = canvas;
    let data = match channels {
        1 => data.into_iter().flat_map(|v| [v; 3]).collect(),
        2 => data.chunks_exact(2).flat_map(|p| [p[0], p[0], p[0], p[1]]).collect(),
        _ => data,
    };
    Canvas { width, height, channels: if channels < 3 { channels + 2 } else { channels }, data }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_is_taken_out_again() {
        for own in [0_u8, 1, 100, 254, 255] {
            for alpha in [40_u8, 128, 200, 255] {
                let seen = (u32::from(own) * u32::from(alpha) + 255 * (255 - u32::from(alpha)) + 127) / 255;
                let found = without_white(u8::try_from(seen).unwrap(), alpha);
                assert!(own.abs_diff(found) <= 4, "{own} at {alpha} became {found}");
            }
        }
        assert_eq!(without_white(17, 255), 17);
    }

    #[test]
    fn bits_are_packed_row_by_row() {
        let data = vec![255, 0, 255, 255, 0, 0, 0, 255, 255, 0, 255, 0, 0, 0, 0, 0, 0, 255];
        let canvas = Canvas { width: 9, height: 2, channels: 1, data };
        assert_eq!(pack_bits(&canvas), [0b1011_0001, 0b1000_0000, 0b0100_0000, 0b1000_0000]);
    }
}
