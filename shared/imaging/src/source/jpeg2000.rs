//! JPEG 2000: files (JP2, JPX) and bare codestreams. Of several codestreams the first.

mod header;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{Read, Seek};

use dlcs_model::{Failure, SourceFormat};
use hayro_jpeg2000::{ColorSpace, DecodeError, DecodeSettings, DecodedImage, DecoderContext, FormatError, Image};
use hayro_jpeg2000::{MarkerError, error};
use moxcms::DataColorSpace;

use self::header::Header;
use super::native::{Model, Native, NativeRows, Row, corrupt, truncated, unreadable, unsupported};
use super::{Chroma, Limits};
use crate::color;
use crate::orientation::Orientation;

const FORMAT: SourceFormat = SourceFormat::Jpeg2000;

struct Jpeg2000 {
    native: Native,
    file: File,
    /// Where the codestream ends.
    end: u64,
    memory: u64,
    /// All pixels, decoded when the first row is asked for.
    pixels: Option<Pixels>,
    next: usize,
}

/// All samples, interleaved.
enum Pixels {
    Eight(Vec<u8>),
    Sixteen(Vec<u16>),
}

/// Opens a JPEG 2000 by its header; nothing is decoded yet.
pub(super) fn open(mut file: File, limits: &Limits) -> Result<Box<dyn NativeRows>, Failure> {
    let header = Header::read(&mut file)?;
    let image = Image::new(&header.bytes, &LENIENT).map_err(failure)?;
    limits.admit(image.width(), image.height(), true)?;
    let (model, profile) = colours(image.color_space())?;
    let native = Native {
        format: FORMAT,
        width: image.width(),
        height: image.height(),
        model,
        alpha: image.has_alpha(),
        sixteen: header.depth > 8,
        chroma: if header.subsampled { Chroma::Subsampled } else { Chroma::Full },
        lossless: header.reversible,
        orientation: Orientation::Upright,
        profile: profile.and_then(color::parse),
    };
    if native.profile.as_ref().is_some_and(|profile| profile.color_space == DataColorSpace::Lab) {
        return Err(unsupported(FORMAT, "its colours are CIELab"));
    }
    let memory = memory(&native, &header);
    Ok(Box::new(Jpeg2000 { native, file, end: header.end, memory, pixels: None, next: 0 }))
}

/// How a file is understood: what it says doubtfully is guessed, as every viewer does.
const LENIENT: DecodeSettings =
    DecodeSettings { resolve_palette_indices: true, strict: false, target_resolution: None };

/// How pixels are decoded: damage is an error, and not a blank part of the image.
const STRICT: DecodeSettings = DecodeSettings { strict: true, ..LENIENT };

fn colours(space: &ColorSpace) -> Result<(Model, Option<&[u8]>), Failure> {
    let model = |channels: u8| match channels {
        1 => Ok(Model::Gray),
        3 => Ok(Model::Rgb),
        4 => Ok(Model::Cmyk),
        other => Err(unsupported(FORMAT, format!("{other} colour channels"))),
    };
    match space {
        ColorSpace::Gray => Ok((Model::Gray, None)),
        ColorSpace::RGB => Ok((Model::Rgb, None)),
        ColorSpace::CMYK => Ok((Model::Cmyk, None)),
        ColorSpace::Unknown { num_channels } => Ok((model(*num_channels)?, None)),
        ColorSpace::Icc { profile, num_channels } => Ok((model(*num_channels)?, Some(profile))),
    }
}

/// Bytes that decoding takes at its peak. The decoder holds each component as 4 bytes a pixel, beside them 9 for the tile it
/// works on, and copies the components once more where channels are put in order or come from a palette. Of the tile it also
/// keeps a record for each block, of which a file made to hurt has as many as pixels.
fn memory(native: &Native, header: &Header) -> u64 {
    /// What is kept of each tile for each component.
    const TILE: u64 = 512;
    let pixels = u64::from(native.width) * u64::from(native.height);
    let (stored, channels) = (header.components as u64, native.samples() as u64);
    let copies = if native.alpha || stored != channels { channels } else { 0 };
    let sample = if native.sixteen { 2 } else { 1 };
    let tile = header.tile_pixels.min(pixels);
    let pieces = (header.partition.memory(tile) + header.tiles * TILE).saturating_mul(stored);
    (pixels * (4 * (stored + copies) + channels * sample) + tile * 9 + header.end).saturating_add(pieces)
}

impl Jpeg2000 {
    fn decode(&mut self) -> Result<Pixels, Failure> {
        let unreadable = |error| unreadable(FORMAT, &error);
        let mut bytes = Vec::with_capacity(usize::try_from(self.end).unwrap_or_default());
        self.file.rewind().map_err(unreadable)?;
        self.file.by_ref().take(self.end).read_to_end(&mut bytes).map_err(unreadable)?;
        if (bytes.len() as u64) < self.end {
            return Err(truncated(FORMAT));
        }
        // A file whose boxes are odd, but understood, is decoded as far as it goes.
        let image = Image::new(&bytes, &STRICT).or_else(|_| Image::new(&bytes, &LENIENT)).map_err(failure)?;
        let mut context = DecoderContext::default();
        self.interleave(&image.decode(&mut context).map_err(failure)?)
    }

    fn interleave(&self, image: &DecodedImage<'_>) -> Result<Pixels, Failure> {
        let (channels, components) = (self.native.samples(), image.components());
        if components.len() != channels {
            return Err(unsupported(FORMAT, format!("{} channels instead of {channels}", components.len())));
        }
        let length = self.native.row_samples() * self.native.height as usize;
        if components.iter().any(|component| component.samples().len() != length / channels) {
            return Err(corrupt(FORMAT, "its channels are of different sizes"));
        }
        if !self.native.sixteen {
            let mut pixels = vec![0; length];
            image.store_u8_into(&mut pixels);
            return Ok(Pixels::Eight(pixels));
        }
        let mut pixels = vec![0; length];
        for (channel, component) in components.iter().enumerate() {
            let scale = 65_535.0 / ((1_u64 << component.bit_depth()) - 1) as f32;
            let targets = pixels.iter_mut().skip(channel).step_by(channels);
            // The conversion to an integer ends at the bounds of 16 bits.
            targets.zip(component.samples()).for_each(|(to, sample)| *to = (sample * scale).round() as u16);
        }
        Ok(Pixels::Sixteen(pixels))
    }
}

impl NativeRows for Jpeg2000 {
    fn native(&self) -> &Native {
        &self.native
    }

    fn memory(&self) -> u64 {
        self.memory
    }

    fn next_row(&mut self) -> Result<Row<'_>, Failure> {
        if self.pixels.is_none() {
            self.pixels = Some(self.decode()?);
        }
        let length = self.native.row_samples();
        let row = self.next * length..(self.next + 1) * length;
        self.next += 1;
        let row = match &self.pixels {
            Some(Pixels::Eight(pixels)) => pixels.get(row).map(Row::Eight),
            Some(Pixels::Sixteen(pixels)) => pixels.get(row).map(Row::Sixteen),
            None => None,
        };
        row.ok_or_else(|| truncated(FORMAT))
    }
}

fn failure(error: DecodeError) -> Failure {
    match error {
        DecodeError::Format(FormatError::Unsupported) | DecodeError::Marker(MarkerError::Unsupported) => {
            unsupported(FORMAT, error)
        }
        DecodeError::Decoding(error::DecodingError::UnexpectedEof) => truncated(FORMAT),
        other => corrupt(FORMAT, other),
    }
}
