//! Rows of pixels, turned into bands of planes: alpha set apart, colour as luma and colour differences (JFIF, ITU-R BT.601).

use dlcs_jpeg::{Sampling, Steps};
use dlcs_model::Failure;

use crate::bands::{Band, BandInfo, BandSource};
use crate::source::native::truncated;
use crate::source::{Channels, Chroma, RowSource, SourceInfo};

/// A source of rows.
pub(crate) struct RowBands {
    source: Box<dyn RowSource>,
    info: BandInfo,
    /// The rows of a band as they come.
    rows: Vec<u8>,
    done: u32,
}

impl RowBands {
    /// Wraps a source that has just been opened.
    pub fn new(source: Box<dyn RowSource>) -> Self {
        let SourceInfo { format, width, height, channels, alpha, chroma, lossless } = *source.info();
        let sampling = match (channels, chroma) {
            (Channels::Gray, _) => Sampling::Gray,
            (Channels::Rgb, Chroma::Full) => Sampling::Full,
            (Channels::Rgb, Chroma::Subsampled) => Sampling::Half,
        };
        let detailed = lossless || sampling == Sampling::Full;
        let quality = if detailed { BandInfo::DETAILED } else { BandInfo::LOSSY };
        let rows = vec![0; source.info().row_bytes() * sampling.mcu() as usize];
        let info = BandInfo { format, width, height, alpha, sampling, quality, steps: Steps::UNKNOWN };
        Self { source, info, rows, done: 0 }
    }

    /// Reads whole rows until the band is full or the image ends.
    fn fill(&mut self) -> Result<u32, Failure> {
        let wanted = (self.info.height - self.done).min(self.info.sampling.mcu());
        let row = self.source.info().row_bytes();
        let mut have = 0;
        while have < wanted as usize {
            match self.source.read_rows(&mut self.rows[have * row..wanted as usize * row])? {
                0 => return Err(truncated(self.info.format)),
                got => have += got,
            }
        }
        self.done += wanted;
        Ok(wanted)
    }
}

impl BandSource for RowBands {
    fn info(&self) -> &BandInfo {
        &self.info
    }

    fn memory(&self) -> u64 {
        self.source.memory()
    }

    fn read(&mut self, band: &mut Band) -> Result<(), Failure> {
        let rows = self.fill()?;
        band.rows = rows;
        let SourceInfo { channels, alpha, .. } = *self.source.info();
        let pixels = self.info.width as usize * rows as usize;
        if alpha {
            match channels {
                Channels::Gray => split_alpha::<2, 1>(&mut self.rows, pixels, &mut band.alpha),
                Channels::Rgb => split_alpha::<4, 3>(&mut self.rows, pixels, &mut band.alpha),
            }
        }
        let row = self.info.width as usize * channels.samples();
        let planes = &mut band.planes;
        let lines: Vec<&[u8]> = self.rows[..pixels * channels.samples()].chunks_exact(row).collect();
        match self.info.sampling {
            Sampling::Gray => (0..).zip(&lines).for_each(|(y, line)| planes.row_mut(0, y).copy_from_slice(line)),
            Sampling::Full => {
                for (y, line) in lines.iter().enumerate() {
                    luma(line, planes.row_mut(0, y));
                    chroma::<CB>(line, planes.row_mut(1, y));
                    chroma::<CR>(line, planes.row_mut(2, y));
                }
            }
            Sampling::Half => {
                (0..).zip(&lines).for_each(|(y, line)| luma(line, planes.row_mut(0, y)));
                for (y, pair) in lines.chunks(2).enumerate() {
                    let (upper, lower) = (pair[0], pair[pair.len() - 1]);
                    half_chroma::<CB>(upper, lower, planes.row_mut(1, y));
                    half_chroma::<CR>(upper, lower, planes.row_mut(2, y));
                }
            }
        }
        Ok(())
    }
}

/// Moves the alpha of `pixels` pixels of `IN` samples to `alpha`, and composites what is left on white, packed to `OUT`
/// samples a pixel at the start of `rows`.
fn split_alpha<const IN: usize, const OUT: usize>(rows: &mut [u8], pixels: usize, alpha: &mut Vec<u8>) {
    alpha.clear();
    for at in 0..pixels {
        let opacity = rows[at * IN + OUT];
        for sample in 0..OUT {
            rows[at * OUT + sample] = on_white(rows[at * IN + sample], opacity);
        }
        alpha.push(opacity);
    }
}

fn on_white(sample: u8, opacity: u8) -> u8 {
    let (sample, opacity) = (u32::from(sample), u32::from(opacity));
    ((sample * opacity + 255 * (255 - opacity) + 127) / 255) as u8
}

/// The two colour differences.
const CB: bool = false;
const CR: bool = true;

/// What red, green and blue weigh in a colour difference, in 65536ths.
const fn weights(which: bool) -> [i32; 3] {
    if which == CB { [-11_059, -21_709, 32_768] } else { [32_768, -27_439, -5_329] }
}

fn luma(line: &[u8], out: &mut [u8]) {
    for (to, [r, g, b]) in out.iter_mut().zip(line.as_chunks::<3>().0) {
        let sum = 19_595 * u32::from(*r) + 38_470 * u32::from(*g) + 7_471 * u32::from(*b);
        *to = ((sum + 32_768) >> 16) as u8;
    }
}

fn chroma<const WHICH: bool>(line: &[u8], out: &mut [u8]) {
    let [wr, wg, wb] = const { weights(WHICH) };
    for (to, [r, g, b]) in out.iter_mut().zip(line.as_chunks::<3>().0) {
        let sum = wr * i32::from(*r) + wg * i32::from(*g) + wb * i32::from(*b);
        *to = ((sum + (128 << 16) + 32_767) >> 16) as u8;
    }
}

/// The colour difference of each 2x2 box; at an odd edge the last pixel counts twice.
fn half_chroma<const WHICH: bool>(upper: &[u8], lower: &[u8], out: &mut [u8]) {
    let [wr, wg, wb] = const { weights(WHICH) };
    let (upper, lower) = (upper.as_chunks::<3>().0, lower.as_chunks::<3>().0);
    for ((to, a), b) in out.iter_mut().zip(upper.chunks(2)).zip(lower.chunks(2)) {
        let sum =
            |i: usize| [a[0][i], a[a.len() - 1][i], b[0][i], b[b.len() - 1][i]].map(i32::from).iter().sum::<i32>();
        *to = ((wr * sum(0) + wg * sum(1) + wb * sum(2) + (128 << 18) + (1 << 17) - 1) >> 18) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_become_those_of_jfif() {
        let cases = [
            ([255, 255, 255], [255, 128, 128]),
            ([0, 0, 0], [0, 128, 128]),
            ([255, 0, 0], [76, 85, 255]),
            ([0, 255, 0], [150, 44, 21]),
            ([0, 0, 255], [29, 255, 107]),
        ];
        for (rgb, expected) in cases {
            let (mut y, mut cb, mut cr, mut half) = ([0], [0], [0], [0]);
            luma(&rgb, &mut y);
            chroma::<CB>(&rgb, &mut cb);
            chroma::<CR>(&rgb, &mut cr);
            assert_eq!([y[0], cb[0], cr[0]], expected, "{rgb:?}");
            half_chroma::<CB>(&rgb, &rgb, &mut half);
            assert_eq!(half, cb);
        }
    }

    #[test]
    fn boxes_share_their_colour() {
        let (mut out, red, blue) = ([0; 2], [255, 0, 0], [0, 0, 255]);
        let upper = [red, blue, red].concat();
        half_chroma::<CB>(&upper, &upper, &mut out);
        assert_eq!(out, [170, 85]);
    }

    #[test]
    fn alpha_is_set_apart() {
        let mut rows = [10, 20, 30, 255, 10, 20, 30, 0, 0, 100, 200, 128];
        let mut alpha = Vec::new();
        split_alpha::<4, 3>(&mut rows, 3, &mut alpha);
        assert_eq!(alpha, [255, 0, 128]);
        assert_eq!(rows[..9], [10, 20, 30, 255, 255, 255, 127, 177, 227]);
    }
}
