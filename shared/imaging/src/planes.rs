//! A band of an image as the planes that JPEG stores: one row of MCUs, as wide as all tiles of the level together.

use dlcs_jpeg::{Plane, PlaneMut, Sampling};
use dlcs_model::limits::TILE_SIDE;

/// The sample that costs least to encode: a block of it has no coefficients at all.
const NEUTRAL: u8 = 128;

/// The planes of one band.
pub(crate) struct Planes {
    sampling: Sampling,
    width: u32,
    planes: Vec<Samples>,
}

/// One plane.
struct Samples {
    data: Vec<u8>,
    stride: usize,
    /// Samples across that belong to the image.
    width: usize,
    rows: usize,
}

impl Planes {
    /// A band for an image `width` pixels wide. Beyond the last MCU of the image, up to the end of the last tile, it stays
    /// neutral.
    pub fn new(width: u32, sampling: Sampling) -> Self {
        let plane = |component| {
            let divisor = sampling.divisor(component);
            let stride = (width.next_multiple_of(TILE_SIDE) / divisor) as usize;
            let rows = (sampling.mcu() / divisor) as usize;
            Samples { data: vec![NEUTRAL; stride * rows], stride, width: width.div_ceil(divisor) as usize, rows }
        };
        Self { sampling, width, planes: (0..sampling.components()).map(plane).collect() }
    }

    /// How the planes are sampled.
    pub fn sampling(&self) -> Sampling {
        self.sampling
    }

    /// The first `rows` pixel rows from plane `component`, each with the samples that belong to the image.
    pub fn rows(&self, component: usize, rows: u32) -> impl Iterator<Item = &[u8]> {
        let plane = &self.planes[component];
        let count = rows.div_ceil(self.sampling.divisor(component)) as usize;
        plane.data.chunks_exact(plane.stride).take(count).map(|row| &row[..plane.width])
    }

    /// One row of plane `component` (counted in samples), to be filled.
    pub fn row_mut(&mut self, component: usize, row: usize) -> &mut [u8] {
        let plane = &mut self.planes[component];
        &mut plane.data[row * plane.stride..][..plane.width]
    }

    /// The planes for a decoder to fill.
    pub fn targets(&mut self) -> Vec<PlaneMut<'_>> {
        self.planes.iter_mut().map(|plane| PlaneMut { data: &mut plane.data, stride: plane.stride }).collect()
    }

    /// The planes from tile column `column` on, for an encoder to read.
    pub fn tile(&self, column: u32) -> [Plane<'_>; 3] {
        let plane = |component: usize| {
            let plane = &self.planes[component.min(self.planes.len() - 1)];
            let start = (column * TILE_SIDE / self.sampling.divisor(component)) as usize;
            Plane { data: &plane.data[start..], stride: plane.stride }
        };
        [plane(0), plane(1), plane(2)]
    }

    /// Repeats the last sample of each row, and the last of the `rows` pixel rows, up to the end of the MCU: what an encoder
    /// spends least on without spoiling the pixels inside.
    pub fn pad(&mut self, rows: u32) {
        let mcu_end = self.width.next_multiple_of(self.sampling.mcu());
        for (component, plane) in self.planes.iter_mut().enumerate() {
            let divisor = self.sampling.divisor(component);
            let (end, used) = ((mcu_end / divisor) as usize, rows.div_ceil(divisor) as usize);
            if end > plane.width {
                for row in plane.data.chunks_exact_mut(plane.stride).take(used) {
                    let last = row[plane.width - 1];
                    row[plane.width..end].fill(last);
                }
            }
            for row in used..plane.rows {
                let last = (used - 1) * plane.stride;
                plane.data.copy_within(last..last + plane.stride, row * plane.stride);
            }
        }
    }

    /// Reduces the first `rows` pixel rows of this padded band by two in both directions, by the mean of each 2x2 box, into
    /// `target` from pixel row `at` on.
    pub fn halve_into(&self, rows: u32, target: &mut Self, at: u32) {
        for (component, (plane, to)) in self.planes.iter().zip(&mut target.planes).enumerate() {
            let divisor = self.sampling.divisor(component);
            let count = rows.div_ceil(2).div_ceil(divisor) as usize;
            let first = (at / divisor) as usize;
            let pairs = plane.data.chunks_exact(plane.stride * 2).take(count);
            let targets = to.data.chunks_exact_mut(to.stride).skip(first);
            for (pair, row) in pairs.zip(targets) {
                let (upper, lower) = pair.split_at(plane.stride);
                halve_rows(upper, lower, &mut row[..to.width]);
            }
        }
    }
}

/// The rounded means of 2x2 boxes over two rows.
fn halve_rows(upper: &[u8], lower: &[u8], out: &mut [u8]) {
    let (upper, lower) = (upper.as_chunks::<2>().0, lower.as_chunks::<2>().0);
    for ((to, a), b) in out.iter_mut().zip(upper).zip(lower) {
        // Taking the two bytes as one number lets the compiler use plain shifts on whole registers.
        let (a, b) = (u16::from_le_bytes(*a), u16::from_le_bytes(*b));
        let sum = (a & 0xFF) + (a >> 8) + (b & 0xFF) + (b >> 8);
        *to = ((sum + 2) >> 2) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_are_rounded_means() {
        let mut out = [0; 3];
        halve_rows(&[0, 1, 255, 255, 10, 10], &[1, 0, 255, 255, 10, 11], &mut out);
        assert_eq!(out, [1, 255, 10]);
    }

    #[test]
    fn odd_edges_repeat_the_last_sample() {
        let mut band = Planes::new(3, Sampling::Gray);
        for row in 0..3 {
            band.row_mut(0, row).copy_from_slice(&[10, 20, 100 + row as u8 * 50]);
        }
        band.pad(3);
        let mut half = Planes::new(2, Sampling::Gray);
        band.halve_into(3, &mut half, 4);
        assert_eq!(half.row_mut(0, 4), &[15, 125]);
        assert_eq!(half.row_mut(0, 5), &[15, 200]);
        assert_eq!(half.row_mut(0, 6), &[NEUTRAL, NEUTRAL]);
    }

    #[test]
    fn beyond_the_last_mcu_it_is_neutral() {
        let mut band = Planes::new(17, Sampling::Half);
        for component in 0..3 {
            for row in 0..if component == 0 { 16 } else { 8 } {
                band.row_mut(component, row).fill(7);
            }
        }
        band.pad(16);
        let [luma, chroma, _] = band.tile(0);
        assert!(luma.data[..32].iter().all(|&s| s == 7) && luma.data[32..512].iter().all(|&s| s == NEUTRAL));
        assert!(chroma.data[..16].iter().all(|&s| s == 7) && chroma.data[16..256].iter().all(|&s| s == NEUTRAL));
    }
}
