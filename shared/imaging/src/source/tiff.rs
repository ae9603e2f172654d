//! TIFF and BigTIFF: strips and tiles, streamed; see the modules for what is read.

mod ccitt;
mod chunk;
mod directory;
mod layout;
mod pixels;
mod planes;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::sync::Arc;

use dlcs_model::{Failure, SourceFormat};

use self::directory::{Directory, Input, Tag};
use self::layout::{Alpha, Compression, Layout, Photometric};
use self::pixels::Pixels;
use self::planes::Plane;
use super::native::{Model, Native, NativeRows, Row};
use super::{Chroma, Limits};
use crate::color;
use crate::orientation::Orientation;

struct Tiff {
    native: Native,
    file: Arc<File>,
    layout: Layout,
    limits: Limits,
    /// One, or one for each sample.
    planes: Vec<Plane>,
    pixels: Pixels,
}

/// Opens a TIFF: the first directory that holds a full image.
pub(super) fn open(file: File, limits: &Limits) -> Result<Box<dyn NativeRows>, Failure> {
    let (input, first) = Input::open(file)?;
    let directory = input.main_directory(first)?;
    let layout = Layout::read(&input, &directory, limits)?;
    let native = native(&input, &directory, &layout)?;
    let planes = (0..layout.samples / layout.chunk_samples()).map(|plane| Plane::new(&layout, plane)).collect();
    let pixels = Pixels::default();
    Ok(Box::new(Tiff { native, file: Arc::new(input.file), layout, limits: *limits, planes, pixels }))
}

fn native(input: &Input, directory: &Directory, layout: &Layout) -> Result<Native, Failure> {
    let gray_palette = |colors: &[[u8; 3]]| colors.iter().all(|[r, g, b]| r == g && g == b);
    let model = match &layout.photometric {
        Photometric::WhiteIsZero | Photometric::BlackIsZero => Model::Gray,
        Photometric::Palette(colors) if gray_palette(colors) => Model::Gray,
        Photometric::Rgb | Photometric::Palette(_) | Photometric::YCbCr { .. } => Model::Rgb,
        Photometric::Cmyk => Model::Cmyk,
    };
    let subsampled = match layout.photometric {
        Photometric::YCbCr { h, v } => h * v > 1,
        _ => false,
    };
    let icc = input.raw(directory, Tag::IccProfile)?;
    Ok(Native {
        format: SourceFormat::Tiff,
        width: layout.width,
        height: layout.height,
        model,
        alpha: layout.alpha != Alpha::None,
        sixteen: layout.bits == 16,
        chroma: if subsampled { Chroma::Subsampled } else { Chroma::Full },
        lossless: layout.compression != Compression::Jpeg,
        orientation: Orientation::of_tag(input.one(directory, Tag::Orientation, 1)?),
        profile: icc.as_deref().and_then(color::parse),
    })
}

impl NativeRows for Tiff {
    fn native(&self) -> &Native {
        &self.native
    }

    fn memory(&self) -> u64 {
        self.layout.held_rows() * self.layout.chunk_row_bytes() as u64 * self.planes.len() as u64
    }

    fn next_row(&mut self) -> Result<Row<'_>, Failure> {
        for plane in &mut self.planes {
            plane.next_row(&self.file, &self.layout, &self.limits)?;
        }
        self.pixels.row(&self.layout, &self.native, &self.planes)
    }
}
