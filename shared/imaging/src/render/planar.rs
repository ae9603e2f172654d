//! From tiles to a JPEG by way of the planes that both store: no pixel becomes red, green and blue on its way, and where
//! colour is halved, half as many samples are resized.

use dlcs_jpeg::{Colour, Decoder, Encoder, Plane, PlaneMut, Raw, Sampling};
use fast_image_resize::Resizer;

use super::encode::jpeg_quality;
use super::plan::{Place, Window};
use super::resample::{Source, Target, resample};
use super::{Composition, RenderError, Stop};

/// Pixel rows of the largest band, and pixels of the widest tile.
const BAND: usize = 16;

/// Buffers larger than this are given back after use.
const KEPT_BYTES: usize = 4 << 20;

/// The buffers of one component.
#[derive(Default)]
struct Samples {
    /// A band of a tile.
    band: Vec<u8>,
    /// The window.
    source: Vec<u8>,
    /// The answer.
    target: Vec<u8>,
}

/// Buffers that are used again.
#[derive(Default)]
pub(super) struct Planar {
    components: [Samples; 3],
    /// Between the steps of resizing.
    spare: [Vec<u8>; 2],
}

/// The samples of one component that a window of pixels covers, whole or in part.
struct Area {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

impl Area {
    fn new(window: Window, divisor: u32) -> Self {
        let Window { x, y, width, height } = window;
        let (left, top) = (x / divisor, y / divisor);
        let (right, bottom) = ((x + width).div_ceil(divisor), (y + height).div_ceil(divisor));
        Self { x: left as usize, y: top as usize, width: (right - left) as usize, height: (bottom - top) as usize }
    }
}

impl Planar {
    /// The encoded answer; see [`Composition::is_planar`].
    pub fn render(
        &mut self,
        (resizer, encoder): (&mut Resizer, &mut Encoder),
        composition: &Composition,
        tiles: &[impl AsRef<[u8]>],
        stop: Stop<'_>,
    ) -> Result<Vec<u8>, RenderError> {
        let sampling = self.assemble(composition, tiles, stop)?;
        for component in 0..sampling.components() {
            stop.check()?;
            self.resize(resizer, composition, sampling, component).map_err(RenderError::Encode)?;
        }
        let encoded = self.encode(encoder, composition.size, sampling).map_err(|e| RenderError::Encode(e.to_string()));
        self.shrink();
        encoded
    }

    /// Decodes the tiles into the window.
    fn assemble(
        &mut self,
        composition: &Composition,
        tiles: &[impl AsRef<[u8]>],
        stop: Stop<'_>,
    ) -> Result<Sampling, RenderError> {
        let mut common = None;
        for (place, tile) in composition.places.iter().zip(tiles) {
            stop.check()?;
            let decoder = Decoder::from_bytes(tile.as_ref()).map_err(damaged)?;
            let sampling = sampling(&decoder, *place)?;
            if *common.get_or_insert(sampling) != sampling {
                return Err(RenderError::Tile("tiles sample colour in different ways".to_owned()));
            }
            for (component, samples) in self.components.iter_mut().enumerate().take(sampling.components()) {
                let area = Area::new(composition.window, sampling.divisor(component));
                grow(&mut samples.source, area.width * area.height);
                grow(&mut samples.band, BAND * place.width.next_multiple_of(16) as usize);
            }
            self.place(decoder.raw().map_err(damaged)?, *place, sampling).map_err(damaged)?;
        }
        common.ok_or_else(|| RenderError::Tile("there are none".to_owned()))
    }

    /// Draws the part of a tile that lies in the window. Bands above are passed over, those below are not looked at.
    fn place(&mut self, mut raw: Raw<'_>, place: Place, sampling: Sampling) -> Result<(), dlcs_jpeg::Error> {
        let Place { y, height, window, .. } = place;
        let band = raw.band_rows();
        let first = window.y.saturating_sub(y);
        let end = (window.y + window.height - y).min(height);
        for top in (0..end).step_by(band as usize) {
            if top + band <= first {
                raw.skip()?;
                continue;
            }
            let stride = place.width.next_multiple_of(16) as usize;
            let samples = self.components.iter_mut().take(sampling.components());
            let mut targets: Vec<_> = samples.map(|s| PlaneMut { data: &mut s.band, stride }).collect();
            raw.read(&mut targets)?;
            for component in 0..sampling.components() {
                self.copy(component, place, top, sampling);
            }
        }
        Ok(())
    }

    /// Copies what lies in the window from the band that starts at row `top` of a tile.
    fn copy(&mut self, component: usize, place: Place, top: u32, sampling: Sampling) {
        let divisor = sampling.divisor(component);
        let Samples { band, source, .. } = &mut self.components[component];
        let area = Area::new(place.window, divisor);
        let stride = place.width.next_multiple_of(16) as usize;
        let left = (place.x / divisor) as usize;
        let from = left.max(area.x);
        let to = (left + place.width.div_ceil(divisor) as usize).min(area.x + area.width);
        let first = ((place.y + top) / divisor) as usize;
        let rows = (sampling.mcu() / divisor) as usize;
        let last = ((place.y + place.height).div_ceil(divisor) as usize).min(area.y + area.height);
        for y in first.max(area.y)..(first + rows).min(last) {
            let row = &band[(y - first) * stride..][from - left..to - left];
            source[(y - area.y) * area.width + from - area.x..][..row.len()].copy_from_slice(row);
        }
    }

    fn resize(
        &mut self,
        resizer: &mut Resizer,
        composition: &Composition,
        sampling: Sampling,
        component: usize,
    ) -> Result<(), String> {
        let (divisor, window) = (sampling.divisor(component), composition.window);
        let area = Area::new(window, divisor);
        let side = |length: u32| (length.div_ceil(divisor), length.next_multiple_of(sampling.mcu()) / divisor);
        let ((width, stride), (height, rows)) = (side(composition.size.0), side(composition.size.1));
        let Samples { source, target, .. } = &mut self.components[component];
        grow(target, stride as usize * rows as usize);
        let source = Source { data: source, width: area.width as u32, height: area.height as u32 };
        let [left, top, w, h] = composition.crop;
        let (left, w) = span((window.x, left, w), (composition.size.0, divisor), (width, source.width));
        let (top, h) = span((window.y, top, h), (composition.size.1, divisor), (height, source.height));
        let mut answer = Target { data: target, stride, width, height };
        resample(resizer, &source, [left, top, w, h], &mut answer, &mut self.spare)?;
        pad(target, (width as usize, height as usize), (stride as usize, rows as usize));
        Ok(())
    }

    fn encode(
        &self,
        encoder: &mut Encoder,
        (width, height): (u32, u32),
        sampling: Sampling,
    ) -> Result<Vec<u8>, dlcs_jpeg::Error> {
        encoder.start(width, height, sampling, jpeg_quality(sampling))?;
        for top in (0..height).step_by(sampling.mcu() as usize) {
            let plane = |component: usize| {
                let divisor = sampling.divisor(component);
                let stride = (width.next_multiple_of(sampling.mcu()) / divisor) as usize;
                Plane { data: &self.components[component].target[(top / divisor) as usize * stride..], stride }
            };
            let planes = [0, 1, 2].map(|component| plane(component.min(sampling.components() - 1)));
            encoder.write(&planes[..sampling.components()])?;
        }
        encoder.finish().map(<[u8]>::to_vec)
    }

    fn shrink(&mut self) {
        let buffers = self.components.iter_mut().flat_map(|samples| [&mut samples.source, &mut samples.target]);
        let buffers = buffers.chain(&mut self.spare);
        buffers.filter(|buffer| buffer.capacity() > KEPT_BYTES).for_each(|buffer| *buffer = Vec::new());
    }
}

fn damaged(error: dlcs_jpeg::Error) -> RenderError {
    RenderError::Tile(error.to_string())
}

/// How a tile samples colour, if it is one of ours.
fn sampling(decoder: &Decoder<'_>, place: Place) -> Result<Sampling, RenderError> {
    let header = decoder.header();
    if (header.width, header.height) != (place.width, place.height) {
        let message = format!("{} x {} instead of {} x {}", header.width, header.height, place.width, place.height);
        return Err(RenderError::Tile(message));
    }
    match (header.colour, &header.sampling[..]) {
        (Colour::Gray, [(1, 1)]) => Ok(Sampling::Gray),
        (Colour::YCbCr, [(1, 1), (1, 1), (1, 1)]) => Ok(Sampling::Full),
        (Colour::YCbCr, [(2, 2), (1, 1), (1, 1)]) => Ok(Sampling::Half),
        (colour, sampling) => Err(RenderError::Tile(format!("{colour:?} sampled {sampling:?}"))),
    }
}

/// Where the samples of an answer come from in one direction, in samples of the window's component: start and length.
/// `region` is the window's place, and start and length of the region in it, in pixels; `answer` the answer's pixels and
/// its pixels for a sample; `samples` those of the answer and of the window.
fn span(region: (u32, f64, f64), answer: (u32, u32), samples: (u32, u32)) -> (f64, f64) {
    let ((window, start, length), (pixels, divisor)) = (region, answer);
    let start = (f64::from(window) + start) / f64::from(divisor) - f64::from(window / divisor);
    // A pixel that is left over at the end of the answer has a whole sample, which may reach out of the window.
    let length = length / f64::from(pixels) * f64::from(samples.0);
    (start, length.min(f64::from(samples.1) - start))
}

/// Makes a buffer long enough, with anything in it.
fn grow(buffer: &mut Vec<u8>, length: usize) {
    if buffer.len() < length {
        buffer.resize(length, 0);
    }
}

/// Repeats the last sample of each row and the last row: what an encoder spends least on.
fn pad(plane: &mut [u8], (width, height): (usize, usize), (stride, rows): (usize, usize)) {
    if stride > width {
        for row in plane.chunks_exact_mut(stride).take(height) {
            let last = row[width - 1];
            row[width..].fill(last);
        }
    }
    for row in height..rows {
        plane.copy_within((height - 1) * stride..height * stride, row * stride);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_come_from_where_their_pixels_are() {
        // Ten pixels from 104 on, unscaled, in a window that starts at 101: five samples from 52 on.
        let (start, length) = span((101, 3.0, 10.0), (10, 2), (5, 8));
        assert_eq!((start + 50.0, length), (52.0, 5.0));
        let (start, length) = span((100, 0.0, 7.0), (7, 2), (4, 4));
        assert_eq!((start, length), (0.0, 4.0));
        let (start, length) = span((100, 0.5, 7.5), (5, 1), (5, 8));
        assert_eq!((start, length), (0.5, 7.5));
    }

    #[test]
    fn padding_repeats_the_last() {
        let mut plane = [1, 2, 0, 0, 3, 4, 0, 0, 9, 9, 9, 9];
        pad(&mut plane, (2, 2), (4, 3));
        assert_eq!(plane, [1, 2, 2, 2, 3, 4, 4, 4, 3, 4, 4, 4]);
    }
}
