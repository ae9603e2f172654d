//! Resizing one plane. The library is several times faster downwards than across, so what has to be resized across is
//! turned on its side, resized downwards and turned back.

use std::sync::LazyLock;

use fast_image_resize::images::{CroppedImageMut, Image, ImageRef};
use fast_image_resize::{Filter, FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

/// Pixels to each side that count.
const SUPPORT: f64 = 3.0;
/// Values of the filter for a pixel: between two of them it is as good as straight.
const STEPS: f64 = 1024.0;

/// The Lanczos filter from 0 to its end, because sines for each coefficient take as long as using them.
static LANCZOS: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let sinc = |x: f64| if x == 0.0 { 1.0 } else { (x * std::f64::consts::PI).sin() / (x * std::f64::consts::PI) };
    let end = (SUPPORT * STEPS) as usize;
    (0..end + 2)
        .map(|i| i as f64 / STEPS)
        .map(|x| if x < SUPPORT { sinc(x) * sinc(x / SUPPORT) } else { 0.0 })
        .collect()
});

fn lanczos(x: f64) -> f64 {
    let at = x.abs().min(SUPPORT) * STEPS;
    let place = at as usize;
    let (below, above) = (LANCZOS[place], LANCZOS[place + 1]);
    below + (above - below) * (at - place as f64)
}

/// How everything is resized.
pub(super) fn options() -> ResizeOptions {
    let filter = Filter::new("Lanczos", lanczos, SUPPORT).map_or(FilterType::Lanczos3, FilterType::Custom);
    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(false)
}

/// A plane whose rows are `stride` samples apart.
pub(super) struct Target<'a> {
    pub data: &'a mut [u8],
    pub stride: u32,
    pub width: u32,
    pub height: u32,
}

/// Samples with their size.
pub(super) struct Source<'a> {
    pub data: &'a [u8],
    pub width: u32,
    pub height: u32,
}

/// Resizes the part (left, top, width, height) of `source` into `target`; `spare` has buffers for what is in between.
pub(super) fn resample(
    resizer: &mut Resizer,
    source: &Source<'_>,
    part: [f64; 4],
    target: &mut Target<'_>,
    spare: &mut [Vec<u8>; 2],
) -> Result<(), String> {
    let [left, top, width, height] = part;
    let Target { data, stride, width: across, height: down } = target;
    let (across, down, stride) = (*across, *down, *stride);
    if f64::from(across) == width && left.fract() == 0.0 {
        return resize(resizer, source, part, (data, stride, across, down));
    }
    let [upright, sideways] = spare;
    let columns = source.width;
    fit(upright, columns * down);
    resize(resizer, source, [0.0, top, f64::from(columns), height], (upright, columns, columns, down))?;
    fit(sideways, columns * down);
    transpose(upright, (columns, down), columns, sideways, down);
    let turned = Source { data: sideways, width: down, height: columns };
    fit(upright, across * down);
    resize(resizer, &turned, [0.0, left, f64::from(down), width], (upright, down, down, across))?;
    transpose(upright, (down, across), down, data, stride);
    Ok(())
}

fn fit(buffer: &mut Vec<u8>, samples: u32) {
    if buffer.len() < samples as usize {
        buffer.resize(samples as usize, 0);
    }
}

/// Into a target given by its samples, stride, width and height.
fn resize(
    resizer: &mut Resizer,
    source: &Source<'_>,
    [left, top, width, height]: [f64; 4],
    (data, stride, across, down): (&mut [u8], u32, u32, u32),
) -> Result<(), String> {
    let Source { data: samples, width: w, height: h } = *source;
    let source = ImageRef::new(w, h, samples, PixelType::U8).map_err(|e| e.to_string())?;
    let mut whole = Image::from_slice_u8(stride, down, data, PixelType::U8).map_err(|e| e.to_string())?;
    let mut target = CroppedImageMut::new(&mut whole, 0, 0, across, down).map_err(|e| e.to_string())?;
    let options = options().crop(left, top, width, height);
    resizer.resize(&source, &mut target, &options).map_err(|e| e.to_string())
}

/// Samples in a block that is turned within registers, in each direction.
const SIDE: usize = 8;

/// Makes rows of columns.
fn transpose(from: &[u8], (width, height): (u32, u32), stride: u32, to: &mut [u8], to_stride: u32) {
    let (width, height) = (width as usize, height as usize);
    let (stride, to_stride) = (stride as usize, to_stride as usize);
    let (whole_width, whole_height) = (width - width % SIDE, height - height % SIDE);
    for y in (0..whole_height).step_by(SIDE) {
        for x in (0..whole_width).step_by(SIDE) {
            let mut block = [0; SIDE];
            for (i, row) in block.iter_mut().enumerate() {
                let at = (y + i) * stride + x;
                *row = from[at..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
            }
            turn(&mut block);
            for (i, row) in block.iter().enumerate() {
                let at = (x + i) * to_stride + y;
                to[at..at + SIDE].copy_from_slice(&row.to_le_bytes());
            }
        }
    }
    for y in 0..height {
        let start = if y < whole_height { whole_width } else { 0 };
        for x in start..width {
            to[x * to_stride + y] = from[y * stride + x];
        }
    }
}

/// Turns 8 rows of 8 samples: halves, quarters and eighths change places.
fn turn(rows: &mut [u64; SIDE]) {
    for (half, mask) in [(4, 0x0000_0000_FFFF_FFFF), (2, 0x0000_FFFF_0000_FFFF), (1, 0x00FF_00FF_00FF_00FF)] {
        for i in (0..SIDE).filter(|i| i & half == 0) {
            let (upper, lower) = (rows[i], rows[i + half]);
            rows[i] = (upper & mask) | ((lower & mask) << (half * 8));
            rows[i + half] = ((upper >> (half * 8)) & mask) | (lower & !mask);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_columns() {
        for (width, height, stride, to_stride) in
            [(8, 8, 8, 8), (17, 21, 20, 24), (3, 2, 3, 2), (16, 9, 16, 9), (1, 1, 1, 1)]
        {
            let from: Vec<u8> = (0..stride * height).map(|i| (i * 7 % 251) as u8).collect();
            let mut to = vec![255; (to_stride * width) as usize];
            transpose(&from, (width, height), stride, &mut to, to_stride);
            for (x, y) in (0..width).flat_map(|x| (0..height).map(move |y| (x, y))) {
                assert_eq!(
                    to[(x * to_stride + y) as usize],
                    from[(y * stride + x) as usize],
                    "{width}x{height} {x},{y}"
                );
            }
        }
    }

    /// The detour is what the library does by itself, but for rounding.
    #[test]
    fn turning_changes_nothing() {
        let sample = |i: u32| ((i % 97) * 2 + (i / 97) % 61) as u8;
        let data: Vec<u8> = (0..97 * 61).map(sample).collect();
        let source = Source { data: &data, width: 97, height: 61 };
        for (part, width, height) in [
            ([0.0, 0.0, 97.0, 61.0], 70, 40),
            ([3.25, 1.5, 80.5, 50.0], 81, 50),
            ([5.0, 7.0, 20.0, 30.0], 45, 90),
            ([4.0, 2.0, 30.0, 9.0], 30, 9),
        ] {
            let (mut direct, mut turned) = (vec![0; 96 * 96], vec![0; 96 * 96]);
            let mut resizer = Resizer::new();
            resize(&mut resizer, &source, part, (&mut direct, 96, width, height)).unwrap();
            let mut target = Target { data: &mut turned, stride: 96, width, height };
            resample(&mut resizer, &source, part, &mut target, &mut Default::default()).unwrap();
            let rows = || direct.chunks(96).zip(turned.chunks(96)).take(height as usize);
            let off = rows().flat_map(|(a, b)| a.iter().zip(b).take(width as usize)).map(|(a, b)| a.abs_diff(*b)).max();
            assert!(off <= Some(1), "{part:?}: {off:?}");
        }
    }

    #[test]
    fn the_filter_is_lanczos() {
        assert_eq!((lanczos(0.0), lanczos(3.0), lanczos(-4.0)), (1.0, 0.0, 0.0));
        for i in 1..3000 {
            let x = f64::from(i) * 0.000_997;
            let pi = std::f64::consts::PI * x;
            let exact = pi.sin() / pi * ((pi / 3.0).sin() / (pi / 3.0));
            assert!((lanczos(x) - exact).abs() < 1e-5 && lanczos(-x) == lanczos(x), "{x}");
        }
    }
}
