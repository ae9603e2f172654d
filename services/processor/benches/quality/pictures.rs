//! Pristine pictures of different kinds: photographs reduced until no trace of their JPEG is left, and drawings.

use std::path::PathBuf;

use crate::drawings;
use crate::measure::Pixels;
use crate::vips::Folder;

/// A picture that no codec has touched. Its sides are multiples of 4.
pub struct Picture {
    pub name: &'static str,
    pub pixels: Pixels,
    /// Whether it is also tried as a JPEG with colour in every pixel.
    pub coloured: bool,
}

/// Numbers that look random and are the same in every run, about normally distributed around 0 with deviation 1.
pub fn noise(x: usize, y: usize, channel: usize) -> f64 {
    let mut state = (x as u64) << 34 ^ (y as u64) << 4 ^ channel as u64;
    let mut next = || {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (state ^ state >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed >> 11) as f64 / (1u64 << 53) as f64
    };
    (next() + next() + next() + next() - 2.0) * 3.0f64.sqrt()
}

fn with_noise(pixels: &Pixels, at: impl Fn(usize, usize, usize) -> f64) -> Pixels {
    Pixels::from_fn((pixels.width, pixels.height), pixels.channels, |x, y, c| pixels.at(x, y, c) + at(x, y, c))
}

/// What a sensor adds: mostly the same in all colours.
fn grain(pixels: &Pixels) -> Pixels {
    with_noise(pixels, |x, y, c| 4.0 * noise(x, y, 7) + 3.0 * noise(x, y, c))
}

/// What paper adds: fibres and a grain of its own.
fn paper(pixels: &Pixels) -> Pixels {
    with_noise(pixels, |x, y, _| 2.5 * noise(x / 3, y / 9, 8) + 2.5 * noise(x / 9, y / 3, 9) + 1.5 * noise(x, y, 10))
}

/// The photographs, reduced to the half: one of 4 megapixels or more by itself, four smaller ones side by side.
fn photographs(work: &Folder, files: &[PathBuf]) -> (Pixels, Pixels) {
    let halves: Vec<Pixels> = files
        .iter()
        .map(|file| {
            work.vips(&format!("shrink {} half.v 2 2", file.display()));
            work.pixels("half.v")
        })
        .filter(|half| half.channels == 3 && half.width >= 800 && half.height >= 600)
        .collect();
    let area = |half: &Pixels| half.width * half.height;
    let largest = (0..halves.len()).max_by_key(|at| area(&halves[*at])).expect("a photograph");
    let four: Vec<&Pixels> = (0..halves.len()).filter(|at| *at != largest).map(|at| &halves[at]).take(4).collect();
    assert_eq!(four.len(), 4, "five photographs of 1600 x 1200 pixels or more");
    let side = |side: fn(&Pixels) -> usize| four.iter().map(|half| side(half)).min().unwrap() / 4 * 4;
    let (width, height) = (side(|half| half.width), side(|half| half.height));
    let joined = Pixels::from_fn((width * 2, height * 2), 3, |x, y, c| {
        four[x / width + y / height * 2].at(x % width, y % height, c)
    });
    let whole = &halves[largest];
    (Pixels::from_fn((whole.width / 4 * 4, whole.height / 4 * 4), 3, |x, y, c| whole.at(x, y, c)), joined)
}

fn gradient() -> Pixels {
    Pixels::from_fn((2400, 2000), 3, |x, y, c| {
        let (x, y) = (x as f64 / 2400.0, y as f64 / 2000.0);
        [40.0 + 180.0 * x, 60.0 + 150.0 * y, 200.0 - 90.0 * x - 60.0 * y * y][c]
    })
}

/// All kinds.
pub fn all(work: &Folder, files: &[PathBuf]) -> Vec<Picture> {
    let (large, four) = photographs(work, files);
    let page = paper(&drawings::page(work));
    let line = drawings::lines(work).gray();
    let bilevel = Pixels { data: line.data.iter().map(|v| if *v < 128 { 0 } else { 255 }).collect(), ..line.clone() };
    let noisy = Pixels::from_fn((2400, 1600), 3, |x, y, c| 128.0 + 40.0 * noise(x, y, c));
    let plain = |name, pixels| Picture { name, pixels, coloured: false };
    let coloured = |name, pixels| Picture { name, pixels, coloured: true };
    vec![
        coloured("photograph", large.clone()),
        plain("four photographs", four.clone()),
        plain("photograph, grainy", grain(&large)),
        plain("four photographs, grainy", grain(&four)),
        plain("photograph, grey", large.gray()),
        plain("four photographs, grey, grainy", grain(&four.gray())),
        plain("page", page.clone()),
        plain("page, grey", page.gray()),
        coloured("map", drawings::map(work)),
        plain("line art", line),
        plain("line art, bilevel", bilevel),
        coloured("red on blue", drawings::signs(work)),
        plain("gradient", gradient()),
        plain("noise", noisy),
    ]
}
