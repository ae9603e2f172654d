//! JPEG: every kind that libjpeg-turbo reads, for sources that cannot be taken plane by plane.

use std::fs::File;

use dlcs_jpeg::{Colour, Decoder, Error, ErrorKind, Header, Output, Rows, Scale};
use dlcs_model::{Failure, FailureCode, SourceFormat};

use super::native::{Model, Native, NativeRows, Row, corrupt, truncated, unsupported};
use super::{Chroma, Limits};
use crate::{color, orientation};

struct Jpeg {
    native: Native,
    memory: u64,
    /// What is asked for, until the first row is.
    decoder: Option<(Decoder<'static>, Output)>,
    rows: Option<Rows<'static>>,
    row: Vec<u8>,
    /// 255 is no ink, which is Adobe's way.
    inverted: bool,
}

/// Opens a JPEG.
pub(super) fn open(file: File, limits: &Limits) -> Result<Box<dyn NativeRows>, Failure> {
    let mut decoder = Decoder::open(file).map_err(failure)?;
    let header = decoder.header().clone();
    limits.admit(header.width, header.height, header.whole)?;
    let memory = memory(&header);
    let (output, model) = match header.colour {
        Colour::Gray => (Output::Gray, Model::Gray),
        Colour::YCbCr | Colour::Rgb => (Output::Rgb, Model::Rgb),
        Colour::Cmyk | Colour::Ycck => (Output::Cmyk, Model::Cmyk),
        Colour::Other => return Err(unsupported(SourceFormat::Jpeg, "its colour space is unknown")),
    };
    let native = Native {
        format: SourceFormat::Jpeg,
        width: header.width,
        height: header.height,
        model,
        alpha: false,
        sixteen: false,
        chroma: chroma(&header),
        lossless: header.lossless,
        orientation: decoder.exif().map(orientation::of_exif).unwrap_or_default(),
        profile: decoder.icc_profile().map_err(failure)?.as_deref().and_then(color::parse),
    };
    let row = vec![0; native.row_samples()];
    let inverted = model == Model::Cmyk && header.adobe_transform.is_some();
    Ok(Box::new(Jpeg { native, memory, decoder: Some((decoder, output)), rows: None, row, inverted }))
}

/// Bytes that decoding takes beside a few rows: where it needs several passes, 2 for each sample of each component.
pub(crate) fn memory(header: &Header) -> u64 {
    let pixels = u64::from(header.width) * u64::from(header.height);
    let area = |&(across, down): &(u32, u32)| u64::from(across) * u64::from(down);
    let largest = header.sampling.iter().map(area).max().unwrap_or(1).max(1);
    let samples: u64 = header.sampling.iter().map(|factors| pixels * area(factors) / largest).sum();
    if header.whole { samples * 2 } else { 0 }
}

fn chroma(header: &Header) -> Chroma {
    let finest = header.sampling.first();
    if header.sampling.iter().all(|factors| Some(factors) == finest) { Chroma::Full } else { Chroma::Subsampled }
}

impl NativeRows for Jpeg {
    fn native(&self) -> &Native {
        &self.native
    }

    fn memory(&self) -> u64 {
        self.memory
    }

    fn next_row(&mut self) -> Result<Row<'_>, Failure> {
        // A progressive JPEG is read to its end here.
        if let Some((decoder, output)) = self.decoder.take() {
            self.rows = Some(decoder.rows(output, Scale::Full).map_err(failure)?);
        }
        let rows = self.rows.as_mut().ok_or_else(|| truncated(SourceFormat::Jpeg))?;
        if rows.read(&mut self.row).map_err(failure)? == 0 {
            return Err(truncated(SourceFormat::Jpeg));
        }
        if self.inverted {
            self.row.iter_mut().for_each(|sample| *sample = !*sample);
        }
        Ok(Row::Eight(&self.row))
    }
}

/// What a failure of the codec means for the source.
pub(crate) fn failure(error: Error) -> Failure {
    match error.kind {
        ErrorKind::NotJpeg | ErrorKind::Corrupt => corrupt(SourceFormat::Jpeg, error),
        ErrorKind::Unsupported => unsupported(SourceFormat::Jpeg, error),
        ErrorKind::TooBig => Failure::new(FailureCode::TooManyPixels, format!("the JPEG is too large: {error}")),
        // What an image takes is weighed before: one that takes more pretends to be smaller.
        ErrorKind::Memory => {
            Failure::new(FailureCode::DecoderCrash, "the JPEG takes more memory than its size explains")
        }
        ErrorKind::Io | ErrorKind::Misuse => {
            tracing::error!(%error, "cannot read a JPEG");
            Failure::internal()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::fixtures::{TinyCmyk, decode, fails, samples, torture};
    use crate::source::{Channels, fixtures};
    use dlcs_jpeg::{Encoder, Sampling};
    use moxcms::ColorProfile;

    fn encode(pixels: &[u8], sampling: Sampling) -> Vec<u8> {
        Encoder::new().unwrap().encode((50, 34), pixels, sampling, 92).unwrap().to_vec()
    }

    fn reference(jpeg: &[u8], output: Output) -> Vec<u8> {
        let mut rows = Decoder::from_bytes(jpeg).unwrap().rows(output, Scale::Full).unwrap();
        let row = 50 * output.samples();
        let mut pixels = vec![0; row * 34];
        pixels.chunks_exact_mut(row).for_each(|row| assert_eq!(rows.read(row).unwrap(), 1));
        pixels
    }

    #[test]
    fn kinds_are_told_apart() {
        for (sampling, output, channels, chroma) in [
            (Sampling::Gray, Output::Gray, Channels::Gray, Chroma::Full),
            (Sampling::Full, Output::Rgb, Channels::Rgb, Chroma::Full),
            (Sampling::Half, Output::Rgb, Channels::Rgb, Chroma::Subsampled),
        ] {
            let jpeg = encode(&samples(50, 34, output.samples() as u32), sampling);
            let (info, pixels) = decode(&jpeg).unwrap();
            assert_eq!((info.channels, info.chroma, info.lossless), (channels, chroma, false));
            assert_eq!(pixels, reference(&jpeg, output));
        }
    }

    #[test]
    fn exif_turns_it_upright() {
        let jpeg = encode(&samples(50, 34, 3), Sampling::Full);
        let stored = reference(&jpeg, Output::Rgb);
        let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0";
        let (info, pixels) = decode(&fixtures::with_segment(&jpeg, 0xE1, exif)).unwrap();
        assert_eq!((info.width, info.height), (34, 50));
        let at = |x: usize, y: usize| &stored[(y * 50 + x) * 3..][..3];
        for y in 0..50 {
            for x in 0..34 {
                assert_eq!(&pixels[(y * 34 + x) * 3..][..3], at(y, 33 - x));
            }
        }
    }

    #[test]
    fn profiles_are_applied() {
        let jpeg = encode(&[200, 100, 50].repeat(50 * 34), Sampling::Full);
        let icc = ColorProfile::new_adobe_rgb().encode().unwrap();
        let tagged = fixtures::with_segment(&jpeg, 0xE2, &[b"ICC_PROFILE\0\x01\x01", &icc[..]].concat());
        let (_, pixels) = decode(&tagged).unwrap();
        // The numbers are another colour engine's.
        assert!(pixels[..3].iter().zip([227, 100, 42]).all(|(a, b)| a.abs_diff(b) <= 3), "{:?}", &pixels[..3]);
        let broken = fixtures::with_segment(&jpeg, 0xE2, &[b"ICC_PROFILE\0\x01\x01", &icc[..90]].concat());
        assert_eq!(decode(&broken).unwrap().1, reference(&jpeg, Output::Rgb));
    }

    #[test]
    fn inks_are_inverted_where_adobe_says_so() {
        let inks = [0, 200, 100, 0];
        let plain = decode(&TinyCmyk { inks, adobe: false }.bytes()).unwrap();
        let adobe = decode(&TinyCmyk { inks: inks.map(|ink| 255 - ink), adobe: true }.bytes()).unwrap();
        assert_eq!(plain.0.channels, Channels::Rgb);
        assert_eq!(plain.1, adobe.1);
        // The numbers are those of a press profile in another colour engine.
        assert!(plain.1[..3].iter().zip([0xEF, 0x53, 0x71]).all(|(a, b)| a.abs_diff(b) <= 12), "{:?}", &plain.1[..3]);
    }

    #[test]
    fn damage_is_found() {
        for sampling in [Sampling::Gray, Sampling::Half] {
            let jpeg = encode(&samples(50, 34, sampling.components() as u32), sampling);
            torture(&jpeg, jpeg.len() - 40);
            assert_eq!(fails(&jpeg[..jpeg.len() / 2]), Some(FailureCode::CorruptImage));
        }
    }
}
