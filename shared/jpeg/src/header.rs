//! What a JPEG's header says.

use crate::ffi;

/// How a JPEG stores colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    /// One component.
    Gray,
    /// Luma and two colour differences; the usual.
    YCbCr,
    /// Red, green and blue as they are.
    Rgb,
    /// Four inks. With an Adobe marker the samples are inverted (255 is no ink).
    Cmyk,
    /// Four inks, three of them as luma and colour differences; read as [`Output::Cmyk`].
    Ycck,
    /// Anything else.
    Other,
}

/// What is known before any pixel is decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Pixels across, as stored (EXIF orientation not applied).
    pub width: u32,
    /// Pixels down, as stored.
    pub height: u32,
    /// How colour is stored.
    pub colour: Colour,
    /// Horizontal and vertical sampling factor of each component.
    pub sampling: Vec<(u32, u32)>,
    /// Whether decoding buffers the coefficients of the whole image (2 bytes per sample): progressive or several scans.
    pub whole: bool,
    /// Whether it is a predictive (lossless) JPEG, which has no planes to be read by [`Decoder::raw`].
    pub lossless: bool,
    /// The transform that an Adobe marker names, when there is such a marker.
    pub adobe_transform: Option<u8>,
    /// In what steps coefficients are stored.
    pub steps: Steps,
}

/// The steps in which a JPEG stores the coefficients of a block, row by row; 0 is an unknown one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Steps {
    /// Of the first component.
    pub luma: [u16; 64],
    /// Of the others, where they have the same.
    pub colour: [u16; 64],
}

impl Steps {
    /// Nothing is known of them.
    pub const UNKNOWN: Self = Self { luma: [0; 64], colour: [0; 64] };
}

/// Translates what the shim found.
pub(crate) fn header(info: &ffi::Info) -> Header {
    let colour = match info.space {
        1 => Colour::Gray,
        2 => Colour::YCbCr,
        3 => Colour::Rgb,
        4 => Colour::Cmyk,
        5 => Colour::Ycck,
        _ => Colour::Other,
    };
    Header {
        width: info.width,
        height: info.height,
        colour,
        sampling: info.h.iter().copied().zip(info.v).take(info.components as usize).collect(),
        whole: info.whole != 0,
        lossless: info.lossless != 0,
        steps: steps(info),
        adobe_transform: (info.adobe != 0).then(|| u8::try_from(info.transform).unwrap_or(u8::MAX)),
    }
}

fn steps(info: &ffi::Info) -> Steps {
    let [luma, blue, red, _] = info.steps;
    Steps { luma, colour: if blue == red { blue } else { Steps::UNKNOWN.colour } }
}
