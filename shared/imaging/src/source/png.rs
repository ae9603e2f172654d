//! PNG: every kind of the standard, row by row unless interlaced.

use std::fs::File;
use std::io::BufReader;

use dlcs_model::{Failure, SourceFormat};
use moxcms::ColorProfile;
use png::{BitDepth, ColorType, Decoder, DecodingError, Info, Reader, Transformations};

use super::native::{Model, Native, NativeRows, Row, corrupt, truncated, unreadable};
use super::{Chroma, Limits};
use crate::{color, orientation};

/// Bytes the decoder may hold beside the rows: enough for the largest real profile, little enough for a bomb.
const ANCILLARY_BYTES: usize = 64 * 1024 * 1024;

struct Png {
    native: Native,
    reader: Reader<BufReader<File>>,
    wide: Vec<u16>,
    /// An interlaced image as a whole, once decoded, and its next row.
    interlaced: Option<(Vec<u8>, usize)>,
}

/// Opens a PNG.
pub(super) fn open(file: File, limits: &Limits) -> Result<Box<dyn NativeRows>, Failure> {
    let input = BufReader::with_capacity(64 * 1024, file);
    let mut decoder = Decoder::new_with_limits(input, png::Limits { bytes: ANCILLARY_BYTES });
    decoder.set_ignore_text_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let header = decoder.read_header_info().map_err(failure)?;
    // Stored samples of 16 bits take twice the memory that the limit for whole images is made for.
    let share = if header.bit_depth == BitDepth::Sixteen { 2 } else { 1 };
    let limits = Limits { whole_pixels: limits.whole_pixels / share, ..*limits };
    limits.admit(header.width, header.height, header.interlaced)?;
    let reader = decoder.read_info().map_err(failure)?;
    let native = native(&reader);
    let interlaced = reader.info().interlaced.then(|| (Vec::new(), 0));
    Ok(Box::new(Png { native, reader, wide: Vec::new(), interlaced }))
}

fn native(reader: &Reader<BufReader<File>>) -> Native {
    let info = reader.info();
    let (color, depth) = reader.output_color_type();
    let (model, alpha) = match color {
        ColorType::Grayscale => (Model::Gray, false),
        ColorType::GrayscaleAlpha => (Model::Gray, true),
        // Palettes are expanded.
        ColorType::Rgb | ColorType::Indexed => (Model::Rgb, false),
        ColorType::Rgba => (Model::Rgb, true),
    };
    Native {
        format: SourceFormat::Png,
        width: info.width,
        height: info.height,
        model,
        alpha,
        sixteen: depth == BitDepth::Sixteen,
        chroma: Chroma::Full,
        lossless: true,
        orientation: info.exif_metadata.as_deref().map(orientation::of_exif).unwrap_or_default(),
        profile: profile(info, model),
    }
}

/// What the file says of its colours: iCCP before sRGB before gAMA with cHRM, as the standard ranks them.
fn profile(info: &Info<'_>, model: Model) -> Option<Box<ColorProfile>> {
    if let Some(profile) = info.icc_profile.as_deref().and_then(color::parse) {
        return Some(profile);
    }
    if info.srgb.is_some() {
        return None;
    }
    let gamma = info.gama_chunk?.into_value();
    let primaries =
        info.chrm_chunk.map(|c| [c.white, c.red, c.green, c.blue].map(|(x, y)| (x.into_value(), y.into_value())));
    color::of_gamma(model, gamma, primaries)
}

impl NativeRows for Png {
    fn native(&self) -> &Native {
        &self.native
    }

    fn memory(&self) -> u64 {
        let sample = if self.native.sixteen { 2 } else { 1 };
        let whole = self.native.row_samples() as u64 * u64::from(self.native.height) * sample;
        if self.interlaced.is_some() { whole } else { 0 }
    }

    fn next_row(&mut self) -> Result<Row<'_>, Failure> {
        let bytes = match &mut self.interlaced {
            None => self.reader.next_row().map_err(failure)?.map(|row| row.data()),
            Some((pixels, next)) => {
                if pixels.is_empty() {
                    let size = self.reader.output_buffer_size();
                    pixels.resize(size.ok_or_else(|| corrupt(SourceFormat::Png, "its size overflows"))?, 0);
                    self.reader.next_frame(pixels).map_err(failure)?;
                }
                let length = self.native.row_samples() * if self.native.sixteen { 2 } else { 1 };
                let start = *next * length;
                *next += 1;
                pixels.get(start..start + length)
            }
        };
        let bytes = bytes.ok_or_else(|| truncated(SourceFormat::Png))?;
        if !self.native.sixteen {
            return Ok(Row::Eight(bytes));
        }
        self.wide.clear();
        self.wide.extend(bytes.as_chunks().0.iter().map(|sample| u16::from_be_bytes(*sample)));
        Ok(Row::Sixteen(&self.wide))
    }
}

fn failure(error: DecodingError) -> Failure {
    match error {
        DecodingError::IoError(error) => unreadable(SourceFormat::Png, &error),
        DecodingError::Format(error) => corrupt(SourceFormat::Png, error),
        DecodingError::Parameter(error) => corrupt(SourceFormat::Png, error),
        DecodingError::LimitsExceeded => corrupt(SourceFormat::Png, "a chunk is larger than any real one"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::fixtures::{decode, fails, samples, torture};
    use crate::source::{Channels, SourceInfo};
    use dlcs_model::FailureCode;
    use png::Encoder;

    struct Plan<'a> {
        color: ColorType,
        depth: BitDepth,
        palette: Option<(&'a [u8], &'a [u8])>,
        transparent: Option<&'a [u8]>,
    }

    fn encode(width: u32, height: u32, plan: &Plan<'_>, data: &[u8]) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, width, height);
        encoder.set_color(plan.color);
        encoder.set_depth(plan.depth);
        if let Some((colors, alphas)) = plan.palette {
            encoder.set_palette(colors.to_vec());
            encoder.set_trns(alphas.to_vec());
        }
        if let Some(color) = plan.transparent {
            encoder.set_trns(color.to_vec());
        }
        encoder.write_header().unwrap().write_image_data(data).unwrap();
        file
    }

    fn plain(color: ColorType, depth: BitDepth) -> Plan<'static> {
        Plan { color, depth, palette: None, transparent: None }
    }

    #[test]
    fn every_kind_of_eight_bits_is_exact() {
        for (color, channels, alpha) in [
            (ColorType::Grayscale, Channels::Gray, false),
            (ColorType::GrayscaleAlpha, Channels::Gray, true),
            (ColorType::Rgb, Channels::Rgb, false),
            (ColorType::Rgba, Channels::Rgb, true),
        ] {
            let data = samples(37, 23, color.samples() as u32);
            let (info, pixels) = decode(&encode(37, 23, &plain(color, BitDepth::Eight), &data)).unwrap();
            let wanted = SourceInfo {
                format: SourceFormat::Png,
                width: 37,
                height: 23,
                channels,
                alpha,
                chroma: Chroma::Full,
                lossless: true,
            };
            assert_eq!(info, wanted);
            assert_eq!(pixels, data, "{color:?}");
        }
    }

    #[test]
    fn sixteen_bits_are_rounded() {
        for color in [ColorType::Grayscale, ColorType::GrayscaleAlpha, ColorType::Rgb, ColorType::Rgba] {
            let data = samples(31, 9, color.samples() as u32 * 2);
            let (_, pixels) = decode(&encode(31, 9, &plain(color, BitDepth::Sixteen), &data)).unwrap();
            let wide = data.chunks_exact(2).map(|b| f64::from(u16::from_be_bytes([b[0], b[1]])));
            let wanted: Vec<u8> = wide.map(|v| (v / 257.0).round() as u8).collect();
            assert_eq!(pixels, wanted, "{color:?}");
        }
    }

    #[test]
    fn few_bits_become_eight() {
        for (depth, packed, wanted) in
            [(BitDepth::One, [0b1010_0000], vec![255, 0, 255]), (BitDepth::Two, [0b1101_1000], vec![255, 85, 170])]
        {
            let (_, pixels) = decode(&encode(3, 1, &plain(ColorType::Grayscale, depth), &packed)).unwrap();
            assert_eq!(pixels, wanted);
        }
        let (_, pixels) = decode(&encode(3, 1, &plain(ColorType::Grayscale, BitDepth::Four), &[0xF0, 0x30])).unwrap();
        assert_eq!(pixels, [255, 0, 51]);
    }

    #[test]
    fn transparency_becomes_alpha() {
        let palette = Plan {
            color: ColorType::Indexed,
            depth: BitDepth::Two,
            palette: Some((&[1, 2, 3, 40, 50, 60, 7, 8, 9], &[0, 128])),
            transparent: None,
        };
        let (info, pixels) = decode(&encode(3, 1, &palette, &[0b0001_1000])).unwrap();
        assert!(info.alpha && info.channels == Channels::Rgb);
        assert_eq!(pixels, [1, 2, 3, 0, 40, 50, 60, 128, 7, 8, 9, 255]);
        let color = Plan { transparent: Some(&[0, 9]), ..plain(ColorType::Grayscale, BitDepth::Eight) };
        let (info, pixels) = decode(&encode(3, 1, &color, &[8, 9, 10])).unwrap();
        assert!(info.alpha);
        assert_eq!(pixels, [8, 255, 9, 0, 10, 255]);
    }

    #[test]
    fn profiles_are_applied_or_ignored() {
        let with = |icc: Vec<u8>| {
            let mut file = Vec::new();
            let mut info = Info::with_size(1, 1);
            (info.color_type, info.bit_depth) = (ColorType::Rgb, BitDepth::Eight);
            info.icc_profile = Some(icc.into());
            let encoder = Encoder::with_info(&mut file, info).unwrap();
            encoder.write_header().unwrap().write_image_data(&[200, 100, 50]).unwrap();
            file
        };
        let icc = ColorProfile::new_adobe_rgb().encode().unwrap();
        let near = |a: &[u8], b: [u8; 3]| a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 1);
        let good = with(icc.clone());
        assert!(near(&decode(&good).unwrap().1, [227, 100, 42]));
        assert_eq!(decode(&with(icc[..200].to_vec())).unwrap().1, [200, 100, 50]);
        // Damage inside the compressed profile, behind a checksum that fits.
        let mut bad = good;
        let start = bad.windows(4).position(|w| w == b"iCCP").unwrap();
        let length = u32::from_be_bytes(bad[start - 4..start].try_into().unwrap()) as usize;
        bad[start + 60..start + 80].fill(0x55);
        let mut crc = flate2::Crc::new();
        crc.update(&bad[start..start + 4 + length]);
        bad[start + 4 + length..][..4].copy_from_slice(&crc.sum().to_be_bytes());
        assert_eq!(decode(&bad).unwrap().1, [200, 100, 50]);
    }

    #[test]
    fn interlaced_images_are_whole() {
        // Seven passes of one row each at most: 2 x 2 pixels come as 1, 1 and 2.
        let mut file = encode(2, 2, &plain(ColorType::Grayscale, BitDepth::Eight), &[0; 4]);
        file[28] = 1;
        let mut crc = flate2::Crc::new();
        crc.update(&file[12..29]);
        file[29..33].copy_from_slice(&crc.sum().to_be_bytes());
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut zlib, &[0, 10, 0, 20, 0, 30, 40]).unwrap();
        let data = zlib.finish().unwrap();
        let mut chunk = b"IDAT".to_vec();
        chunk.extend(&data);
        let mut crc = flate2::Crc::new();
        crc.update(&chunk);
        file.truncate(33);
        file.extend((data.len() as u32).to_be_bytes());
        file.extend(&chunk);
        file.extend(crc.sum().to_be_bytes());
        file.extend(b"\0\0\0\0IEND\xAE\x42\x60\x82");
        assert_eq!(decode(&file).unwrap().1, [10, 20, 30, 40]);
        torture(&file, file.len() - 20);
    }

    #[test]
    fn damage_is_found() {
        let file = encode(40, 60, &plain(ColorType::Rgb, BitDepth::Eight), &samples(40, 60, 3));
        // The last 16 bytes are the data's checksum and the end mark: all pixels are there without them.
        torture(&file, file.len() - 20);
        assert_eq!(fails(&file[..file.len() / 2]), Some(FailureCode::CorruptImage));
    }
}
