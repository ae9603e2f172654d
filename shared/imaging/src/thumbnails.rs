//! The fixed thumbnails: made from the samples of the smallest level that is large enough, plane by plane.

use std::fs::File;
use std::io::{Seek, Write};

use dlcs_jpeg::{Encoder, Plane, Sampling};
use dlcs_model::{Failure, limits};
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8;
use fast_image_resize::{FilterType, ImageView, ResizeAlg, ResizeOptions, Resizer};

use serde::{Deserialize, Serialize};

use crate::failures;
use crate::geometry::{self, Level};
use crate::planes::Planes;

/// The quality of thumbnails.
const QUALITY: u8 = 85;

/// A stored thumbnail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DerivedThumbnail {
    /// Pixels on the long edge.
    pub edge: u32,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// Bytes of the file.
    pub bytes: u64,
}

/// The thumbnails that an image of this size gets: never one larger than the image.
pub(crate) fn edges(width: u32, height: u32) -> impl Iterator<Item = u32> {
    limits::THUMBNAILS.into_iter().filter(move |&edge| edge <= width.max(height))
}

/// Whether some thumbnail is made from this level of an image of `width` x `height`.
pub(crate) fn wants(width: u32, height: u32, level: &Level) -> bool {
    let half = level.width.max(level.height).div_ceil(2);
    let smallest = level.width.max(level.height) <= limits::TILE_SIDE;
    edges(width, height).any(|edge| edge <= level.width.max(level.height) && (smallest || edge > half))
}

/// The samples of a whole level.
pub(crate) struct Kept {
    width: u32,
    height: u32,
    sampling: Sampling,
    planes: Vec<Vec<u8>>,
}

impl Kept {
    /// Room for a level of this size.
    pub fn new(width: u32, height: u32, sampling: Sampling) -> Self {
        let plane = |component| {
            let divisor = sampling.divisor(component);
            Vec::with_capacity(width.div_ceil(divisor) as usize * height.div_ceil(divisor) as usize)
        };
        Self { width, height, sampling, planes: (0..sampling.components()).map(plane).collect() }
    }

    /// Appends the first `rows` pixel rows of a band.
    pub fn push(&mut self, band: &Planes, rows: u32) {
        for (component, plane) in self.planes.iter_mut().enumerate() {
            band.rows(component, rows).for_each(|row| plane.extend_from_slice(row));
        }
    }
}

/// Writes all thumbnails of an image into the files of their edges, from the kept levels.
pub(crate) fn write(size: (u32, u32), kept: &[Kept], files: &[File]) -> Result<Vec<DerivedThumbnail>, Failure> {
    let mut encoder = Encoder::new().map_err(|e| failures::encoder(&e))?;
    let mut resizer = Resizer::new();
    let mut written = Vec::new();
    for (edge, file) in edges(size.0, size.1).zip(files) {
        // Levels are kept largest first.
        let Some(source) = kept.iter().rev().find(|level| level.width.max(level.height) >= edge) else { continue };
        let (width, height) = geometry::fit_long_edge(size.0, size.1, edge);
        let planes = resize(&mut resizer, source, width, height)?;
        let jpeg = encode(&mut encoder, &planes, source.sampling, width, height).map_err(|e| failures::encoder(&e))?;
        replace(file, jpeg).map_err(|e| failures::file(&e, "write a thumbnail"))?;
        written.push(DerivedThumbnail { edge, width, height, bytes: jpeg.len() as u64 });
    }
    Ok(written)
}

fn replace(mut file: &File, content: &[u8]) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(content)
}

/// The planes of the level at the thumbnail's size, each padded to whole MCUs.
fn resize(resizer: &mut Resizer, source: &Kept, width: u32, height: u32) -> Result<Vec<Padded>, Failure> {
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    let sampling = source.sampling;
    let plane = |(component, samples): (usize, &Vec<u8>)| {
        let divisor = sampling.divisor(component);
        let size = |side: u32| side.div_ceil(divisor);
        let from = TypedImageRef::<U8>::from_buffer(size(source.width), size(source.height), samples);
        let mut to = TypedImage::<U8>::new(size(width), size(height));
        let resized = from
            .map_err(|e| e.to_string())
            .and_then(|from| resizer.resize_typed(&from, &mut to, &options).map_err(|e| e.to_string()));
        resized.map_err(|error| failures::ours(&error, "resize a thumbnail"))?;
        Ok(Padded::new(&to, sampling.mcu() / divisor))
    };
    source.planes.iter().enumerate().map(plane).collect()
}

/// A plane whose edges are repeated up to whole MCUs.
struct Padded {
    data: Vec<u8>,
    stride: usize,
    mcu: usize,
}

impl Padded {
    fn new(image: &TypedImage<'_, U8>, mcu: u32) -> Self {
        let (width, height) = (image.width() as usize, image.height() as usize);
        let mcu = mcu as usize;
        let stride = width.next_multiple_of(mcu);
        let mut data = Vec::with_capacity(stride * height.next_multiple_of(mcu));
        for y in 0..height.next_multiple_of(mcu) {
            let row = &image.pixels()[y.min(height - 1) * width..][..width];
            data.extend(row.iter().map(|pixel| pixel.0));
            data.resize(data.len() + stride - width, row[width - 1].0);
        }
        Self { data, stride, mcu }
    }
}

fn encode<'a>(
    encoder: &'a mut Encoder,
    planes: &[Padded],
    sampling: Sampling,
    width: u32,
    height: u32,
) -> Result<&'a [u8], dlcs_jpeg::Error> {
    encoder.start(width, height, sampling, QUALITY)?;
    for band in 0..height.div_ceil(sampling.mcu()) as usize {
        let rows = |plane: &'_ Padded| band * plane.mcu * plane.stride;
        let bands: Vec<_> =
            planes.iter().map(|plane| Plane { data: &plane.data[rows(plane)..], stride: plane.stride }).collect();
        encoder.write(&bands)?;
    }
    encoder.finish()
}
