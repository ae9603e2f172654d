//! Pixels, and how far apart two images are.

use std::path::Path;

/// An image of 8 bits a sample, of one or three samples a pixel.
#[derive(Clone)]
pub struct Pixels {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
    pub data: Vec<u8>,
}

impl Pixels {
    /// Every sample as a function of column, row and channel.
    pub fn from_fn(size: (usize, usize), channels: usize, at: impl Fn(usize, usize, usize) -> f64) -> Self {
        let (width, height) = size;
        let places = (0..height).flat_map(|y| (0..width).flat_map(move |x| (0..channels).map(move |c| (x, y, c))));
        let data = places.map(|(x, y, c)| at(x, y, c).round().clamp(0.0, 255.0) as u8).collect();
        Self { width, height, channels, data }
    }

    pub fn at(&self, x: usize, y: usize, channel: usize) -> f64 {
        f64::from(self.data[(y * self.width + x) * self.channels + channel])
    }

    /// Reads a binary PGM or PPM.
    pub fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap();
        let mut at = 0;
        let mut word = || {
            while bytes[at].is_ascii_whitespace() || bytes[at] == b'#' {
                at += if bytes[at] == b'#' { bytes[at..].iter().position(|b| *b == b'\n').unwrap() } else { 1 };
            }
            let start = at;
            at += bytes[at..].iter().position(u8::is_ascii_whitespace).unwrap();
            String::from_utf8_lossy(&bytes[start..at]).into_owned()
        };
        let channels = if word() == "P5" { 1 } else { 3 };
        let (width, height) = (word().parse().unwrap(), word().parse().unwrap());
        assert_eq!(word(), "255", "8 bits");
        let data = bytes[at + 1..].to_vec();
        assert_eq!(data.len(), width * height * channels);
        Self { width, height, channels, data }
    }

    /// Writes a PNG.
    pub fn write(&self, path: &str) {
        let color = if self.channels == 1 { image::ExtendedColorType::L8 } else { image::ExtendedColorType::Rgb8 };
        image::save_buffer(path, &self.data, self.width as u32, self.height as u32, color).unwrap();
    }

    fn luma(&self) -> Vec<f64> {
        match self.channels {
            1 => self.data.iter().map(|v| f64::from(*v)).collect(),
            _ => self.data.as_chunks().0.iter().map(|[r, g, b]| luma(*r, *g, *b)).collect(),
        }
    }

    /// In grey.
    pub fn gray(&self) -> Self {
        let data = self.luma().into_iter().map(|v| v.round() as u8).collect();
        Self { channels: 1, data, ..*self }
    }

    /// The means of boxes of `side` pixels a side, which divides width and height.
    pub fn reduced(&self, side: usize) -> Self {
        let cells = (side * side) as f64;
        Self::from_fn((self.width / side, self.height / side), self.channels, |x, y, c| {
            let rows = (0..side).flat_map(|row| (0..side).map(move |column| (column, row)));
            rows.map(|(column, row)| self.at(x * side + column, y * side + row, c)).sum::<f64>() / cells
        })
    }
}

fn luma(r: u8, g: u8, b: u8) -> f64 {
    0.299 * f64::from(r) + 0.587 * f64::from(g) + 0.114 * f64::from(b)
}

/// Decibels; 99 for equal images.
pub fn psnr(a: &Pixels, b: &Pixels) -> f64 {
    assert_eq!((a.width, a.height, a.channels), (b.width, b.height, b.channels));
    let squares = a.data.iter().zip(&b.data).map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2)).sum::<u64>();
    if squares == 0 {
        return 99.0;
    }
    10.0 * (255.0 * 255.0 * a.data.len() as f64 / squares as f64).log10()
}

/// Structural similarity of luma (Wang et al. 2004), as the mean over all windows of 7 x 7 pixels.
pub fn ssim(a: &Pixels, b: &Pixels) -> f64 {
    const SIDE: usize = 7;
    let (width, height, a, b) = (a.width, a.height, a.luma(), b.luma());
    let terms = |at: usize| [a[at], b[at], a[at] * a[at], b[at] * b[at], a[at] * b[at]];
    let mut columns = vec![[0.0; 5]; width];
    let mut total = 0.0;
    for row in 0..height {
        for (column, sums) in columns.iter_mut().enumerate() {
            add(sums, &terms(row * width + column), 1.0);
            if row >= SIDE {
                add(sums, &terms((row - SIDE) * width + column), -1.0);
            }
        }
        let mut window = [0.0; 5];
        for column in 0..width {
            add(&mut window, &columns[column], 1.0);
            if column >= SIDE {
                add(&mut window, &columns[column - SIDE], -1.0);
            }
            if row + 1 >= SIDE && column + 1 >= SIDE {
                total += similarity(window, (SIDE * SIDE) as f64);
            }
        }
    }
    total / ((width + 1 - SIDE) * (height + 1 - SIDE)) as f64
}

fn add(sums: &mut [f64; 5], terms: &[f64; 5], sign: f64) {
    sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += sign * term);
}

/// Of one window, from the sums of both images' samples, their squares and their products.
fn similarity([a, b, aa, bb, ab]: [f64; 5], count: f64) -> f64 {
    const C1: f64 = 0.01 * 255.0 * 0.01 * 255.0;
    const C2: f64 = 0.03 * 255.0 * 0.03 * 255.0;
    let (a, b) = (a / count, b / count);
    let covariance = |products: f64, means: f64| (products - count * means) / (count - 1.0);
    let (va, vb, vab) = (covariance(aa, a * a), covariance(bb, b * b), covariance(ab, a * b));
    ((2.0 * a * b + C1) * (2.0 * vab + C2)) / ((a * a + b * b + C1) * (va + vb + C2))
}
