//! A chart of flat patches all through a device's colours, and how far apart two of its renderings are to the eye.

use crate::measure::Pixels;

/// Pixels of a patch's side: MCUs of their own, so that no codec blurs one into another.
const PATCH: usize = 32;

/// Patches of every combination of `steps` levels in each of `channels`; samples interleaved.
pub struct Chart {
    pub channels: usize,
    pub side: usize,
    pub samples: Vec<u8>,
}

impl Chart {
    /// For 1, 3 or 4 channels.
    pub fn new(channels: usize) -> Self {
        let (steps, across) = [(0, 0), (256, 16), (0, 0), (9, 27), (5, 25)][channels];
        let level = |patch: usize, channel: usize| {
            let step = patch / usize::pow(steps, channel as u32) % steps;
            (step as f64 * 255.0 / (steps - 1) as f64).round() as u8
        };
        let side = across * PATCH;
        let places = (0..side).flat_map(|y| (0..side).map(move |x| x / PATCH + y / PATCH * across));
        let samples = places.flat_map(|patch| (0..channels).map(move |channel| level(patch, channel))).collect();
        Self { channels, side, samples }
    }
}

/// The mean colour of each patch of a rendered chart, from 0 to 255.
pub fn patches(chart: &Pixels) -> Vec<[f64; 3]> {
    const RIM: usize = 8;
    let mean = |column: usize, row: usize, channel: usize| {
        let inside = RIM..PATCH - RIM;
        let places = inside.clone().flat_map(|y| inside.clone().map(move |x| (x, y)));
        let sum: f64 =
            places.map(|(x, y)| chart.at(column * PATCH + x, row * PATCH + y, channel.min(chart.channels - 1))).sum();
        sum / (inside.len() * inside.len()) as f64
    };
    let places = (0..chart.height / PATCH).flat_map(|row| (0..chart.width / PATCH).map(move |column| (column, row)));
    places.map(|(column, row)| std::array::from_fn(|channel| mean(column, row, channel))).collect()
}

/// CIE L*a*b* of an sRGB colour from 0 to 255, relative to its white.
fn lab(rgb: [f64; 3]) -> [f64; 3] {
    const ROWS: [[f64; 3]; 3] =
        [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]];
    let linear = rgb.map(|v| {
        let v = v / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    });
    let [x, y, z] = ROWS.map(|row| {
        let sum: f64 = row.iter().zip(linear).map(|(weight, v)| weight * v).sum();
        let t = sum / row.iter().sum::<f64>();
        if t > 216.0 / 24_389.0 { t.cbrt() } else { (t * 24_389.0 / 27.0 + 16.0) / 116.0 }
    });
    [116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)]
}

/// The difference of two sRGB colours by CIEDE2000 (Sharma, Wu, Dalal 2005, whose names these are).
pub fn difference(one: [f64; 3], two: [f64; 3]) -> f64 {
    let ([l1, a1, b1], [l2, a2, b2]) = (lab(one), lab(two));
    let far = |c: f64| (c.powi(7) / (c.powi(7) + 25f64.powi(7))).sqrt();
    let g = 0.5 * (1.0 - far(f64::midpoint(a1.hypot(b1), a2.hypot(b2))));
    let (a1, a2) = (a1 * (1.0 + g), a2 * (1.0 + g));
    let (c1, c2) = (a1.hypot(b1), a2.hypot(b2));
    let hue = |a: f64, b: f64| if a == 0.0 && b == 0.0 { 0.0 } else { b.atan2(a).to_degrees().rem_euclid(360.0) };
    let (h1, h2) = (hue(a1, b1), hue(a2, b2));
    let colourless = c1 * c2 == 0.0;
    let turn = if colourless { 0.0 } else { (h2 - h1 + 180.0).rem_euclid(360.0) - 180.0 };
    let h = if colourless { h1 + h2 } else { (h1 + turn / 2.0).rem_euclid(360.0) };
    let (l, c) = (f64::midpoint(l1, l2), f64::midpoint(c1, c2));
    let cos = |degrees: f64| degrees.to_radians().cos();
    let t = 1.0 - 0.17 * cos(h - 30.0) + 0.24 * cos(2.0 * h) + 0.32 * cos(3.0 * h + 6.0) - 0.20 * cos(4.0 * h - 63.0);
    let sl = 1.0 + 0.015 * (l - 50.0).powi(2) / (20.0 + (l - 50.0).powi(2)).sqrt();
    let (sc, sh) = (1.0 + 0.045 * c, 1.0 + 0.015 * c * t);
    let theta = 30.0 * (-((h - 275.0) / 25.0).powi(2)).exp();
    let rt = -(2.0 * theta).to_radians().sin() * 2.0 * far(c);
    let (dl, dc) = ((l2 - l1) / sl, (c2 - c1) / sc);
    let dh = 2.0 * (c1 * c2).sqrt() * (turn / 2.0).to_radians().sin() / sh;
    (dl * dl + dc * dc + dh * dh + rt * dc * dh).max(0.0).sqrt()
}
