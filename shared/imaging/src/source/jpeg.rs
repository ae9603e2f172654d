//! JPEG: every kind that libjpeg-turbo reads, for sources that cannot be taken plane by plane.

use std::fs::File;

use dlcs_jpeg::{Colour, Decoder, Error, ErrorKind, Header, Output, Rows, Scale};
use dlcs_model::{Failure, FailureCode, SourceFormat};

use super::native::{Model, Native, NativeRows, Row, corrupt, truncated, unsupported};
use super::{Chroma, Limits};
use crate::{color, orientation};

struct Jpeg {
    native: Native,
    rows: Rows<'static>,
    row: Vec<u8>,
    /// 255 is no ink, which is Adobe's way.
    inverted: bool,
}

/// Opens a JPEG.
pub(super) fn open(file: File, limits: &Limits) -> Result<Box<dyn NativeRows>, Failure> {
    let mut decoder = Decoder::open(file).map_err(failure)?;
    let header = decoder.header().clone();
    limits.admit(header.width, header.height, header.whole)?;
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
    let rows = decoder.rows(output, Scale::Full).map_err(failure)?;
    Ok(Box::new(Jpeg { native, rows, row, inverted }))
}

fn chroma(header: &Header) -> Chroma {
    let finest = header.sampling.first();
    if header.sampling.iter().all(|factors| Some(factors) == finest) { Chroma::Full } else { Chroma::Subsampled }
}

impl NativeRows for Jpeg {
    fn native(&self) -> &Native {
        &self.native
    }

    fn next_row(&mut self) -> Result<Row<'_>, Failure> {
        if self.rows.read(&mut self.row).map_err(failure)? == 0 {
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
        ErrorKind::Io | ErrorKind::Memory | ErrorKind::Misuse => {
            tracing::error!(%error, "cannot read a JPEG");
            Failure::internal()
        }
    }
}
