//! From a TIFF's stored samples to pixels: unpacked, sample planes joined, 0 black, alpha not premultiplied.

use dlcs_model::{Failure, SourceFormat};

use super::layout::{Alpha, Layout, Photometric};
use super::planes::Plane;
use crate::source::native::{Model, Native, Row, corrupt};

/// The buffers of one image's rows.
#[derive(Default)]
pub(super) struct Pixels {
    eight: Vec<u8>,
    sixteen: Vec<u16>,
    /// Samples as stored, where they must be rearranged.
    stored: Vec<u8>,
    stored_wide: Vec<u16>,
}

/// A sample of 8 or 16 bits.
trait Sample: Copy {
    const MAX: u32;
    fn wide(self) -> u32;
    fn narrow(value: u32) -> Self;
}

impl Sample for u8 {
    const MAX: u32 = 255;
    fn wide(self) -> u32 {
        self.into()
    }
    fn narrow(value: u32) -> Self {
        value as Self
    }
}

impl Sample for u16 {
    const MAX: u32 = 65_535;
    fn wide(self) -> u32 {
        self.into()
    }
    fn narrow(value: u32) -> Self {
        value as Self
    }
}

impl Pixels {
    /// The current row of all planes as pixels.
    pub(super) fn row<'a>(
        &'a mut self,
        layout: &Layout,
        native: &Native,
        planes: &'a [Plane],
    ) -> Result<Row<'a>, Failure> {
        let width = layout.width as usize;
        if let Some(blocks) = layout.blocks() {
            blocks_to_rgb(planes[0].row(), planes[0].number() % blocks.1, blocks, width, &mut self.eight);
            return Ok(Row::Eight(&self.eight));
        }
        match (&layout.photometric, layout.bits) {
            (Photometric::Palette(colors), bits) => {
                self.stored.clear();
                unpack(planes[0].row(), bits, width * layout.chunk_samples(), 1, &mut self.stored);
                let step = layout.chunk_samples();
                look_up(&self.stored, step, colors, native.model, &mut self.eight)?;
                Ok(Row::Eight(&self.eight))
            }
            (_, 16) => {
                self.stored_wide.clear();
                let little = layout.little;
                let sample =
                    |bytes: &[u8; 2]| if little { u16::from_le_bytes(*bytes) } else { u16::from_be_bytes(*bytes) };
                let count = width * layout.chunk_samples();
                for plane in planes {
                    self.stored_wide.extend(plane.row().as_chunks().0.iter().take(count).map(sample));
                }
                arrange(&self.stored_wide, layout, &mut self.sixteen);
                Ok(Row::Sixteen(&self.sixteen))
            }
            (_, 8) if as_stored(layout) => Ok(Row::Eight(&planes[0].row()[..native.row_samples()])),
            (_, 8) => {
                self.stored.clear();
                let count = width * layout.chunk_samples();
                planes.iter().for_each(|plane| self.stored.extend(&plane.row()[..count]));
                arrange(&self.stored, layout, &mut self.eight);
                Ok(Row::Eight(&self.eight))
            }
            (_, bits) => {
                self.stored.clear();
                let scale = 255 / ((1 << bits) - 1) as u8;
                let count = width * layout.chunk_samples();
                planes.iter().for_each(|plane| unpack(plane.row(), bits, count, scale, &mut self.stored));
                arrange(&self.stored, layout, &mut self.eight);
                Ok(Row::Eight(&self.eight))
            }
        }
    }
}

/// Whether rows of 8 bits can be handed on as they are.
fn as_stored(layout: &Layout) -> bool {
    let samples = layout.color_samples() + usize::from(layout.alpha == Alpha::Unassociated);
    !layout.planar
        && layout.samples == samples
        && layout.alpha != Alpha::Associated
        && layout.photometric != Photometric::WhiteIsZero
}

/// Samples of 1, 2, 4 or 8 bits to a byte each, times `scale`.
fn unpack(packed: &[u8], bits: usize, count: usize, scale: u8, out: &mut Vec<u8>) {
    let per_byte = 8 / bits;
    let mask = if bits == 8 { 0xFF } else { (1u8 << bits) - 1 };
    let end = out.len() + count;
    for byte in packed.iter().take(count.div_ceil(per_byte)) {
        out.extend((0..per_byte).map(|n| (byte >> (8 - bits * (n + 1)) & mask) * scale));
    }
    out.truncate(end);
}

/// The colours of indices, one of every `step` samples.
fn look_up(indices: &[u8], step: usize, colors: &[[u8; 3]], model: Model, out: &mut Vec<u8>) -> Result<(), Failure> {
    out.clear();
    for index in indices.iter().step_by(step) {
        let color = colors.get(usize::from(*index));
        let color = color.ok_or_else(|| corrupt(SourceFormat::Tiff, format!("its colour map lacks color {index}")))?;
        match model {
            Model::Gray => out.push(color[0]),
            Model::Rgb | Model::Cmyk => out.extend(color),
        }
    }
    Ok(())
}

/// Puts samples in order: interleaved, without unknown extra ones, 0 black, alpha not premultiplied.
fn arrange<T: Sample>(stored: &[T], layout: &Layout, out: &mut Vec<T>) {
    let width = layout.width as usize;
    let colors = layout.color_samples();
    // From one pixel to the next, and from one of its samples to the next.
    let (pixel, sample) = if layout.planar { (1, width) } else { (layout.samples, 1) };
    let invert = layout.photometric == Photometric::WhiteIsZero;
    out.clear();
    for x in 0..width {
        let at = |n: usize| stored[x * pixel + n * sample];
        match layout.alpha {
            Alpha::None => out.extend((0..colors).map(at)),
            Alpha::Unassociated => out.extend((0..=colors).map(at)),
            Alpha::Associated => {
                let alpha = at(colors);
                let divide = |color: T| match alpha.wide() {
                    0 => T::narrow(0),
                    alpha => T::narrow(((color.wide() * T::MAX + alpha / 2) / alpha).min(T::MAX)),
                };
                out.extend((0..colors).map(|n| divide(at(n))));
                out.push(alpha);
            }
        }
    }
    if invert {
        let pixel = colors + usize::from(layout.alpha != Alpha::None);
        for gray in out.iter_mut().step_by(pixel) {
            *gray = T::narrow(T::MAX - gray.wide());
        }
    }
}

/// One row out of a row of colour blocks: h x v lumas, then the two colour differences they share.
fn blocks_to_rgb(blocks: &[u8], line: usize, (h, v): (usize, usize), width: usize, out: &mut Vec<u8>) {
    out.clear();
    for block in blocks.chunks_exact(h * v + 2).take(width.div_ceil(h)) {
        let (b, r) = (f32::from(block[h * v]) - 128.0, f32::from(block[h * v + 1]) - 128.0);
        for luma in &block[line * h..(line + 1) * h] {
            let y = f32::from(*luma);
            let rgb = [y + 1.402 * r, y - 0.344_136 * b - 0.714_136 * r, y + 1.772 * b];
            out.extend(rgb.map(|value| value.round().clamp(0.0, 255.0) as u8));
        }
    }
    out.truncate(width * 3);
}
