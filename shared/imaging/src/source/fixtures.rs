//! Help for the tests of sources: files made in code, opened as any other.

use std::io::Write;

use dlcs_model::{Failure, FailureCode};

use super::{Limits, RowSource, SourceInfo, open};

/// Opens bytes as a source.
pub(crate) fn open_bytes(bytes: &[u8]) -> Result<Box<dyn RowSource>, Failure> {
    open_limited(bytes, &Limits::default())
}

pub(crate) fn open_limited(bytes: &[u8], limits: &Limits) -> Result<Box<dyn RowSource>, Failure> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    open(file.path(), limits)
}

/// Reads a source to its end, `rows_at_once` rows at a time.
pub(crate) fn read_all(source: &mut dyn RowSource, rows_at_once: usize) -> Result<Vec<u8>, Failure> {
    let row = source.info().row_bytes();
    let mut pixels = Vec::new();
    let mut rows = vec![0; row * rows_at_once];
    loop {
        let count = source.read_rows(&mut rows)?;
        if count == 0 {
            assert_eq!(pixels.len(), row * source.info().height as usize, "the end comes after the last row");
            return Ok(pixels);
        }
        pixels.extend(&rows[..count * row]);
    }
}

/// What a file's bytes decode to.
pub(crate) fn decode(bytes: &[u8]) -> Result<(SourceInfo, Vec<u8>), Failure> {
    let mut source = open_bytes(bytes)?;
    let info = *source.info();
    Ok((info, read_all(source.as_mut(), 7)?))
}

/// The code with which opening or reading fails.
pub(crate) fn fails(bytes: &[u8]) -> Option<FailureCode> {
    decode(bytes).err().map(|failure| failure.code)
}

/// Numbers that look random and never change.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(crate) fn roll(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below
    }
}

/// Samples with gradients and some noise.
pub(crate) fn samples(width: u32, height: u32, channels: u32) -> Vec<u8> {
    let mut dice = Dice::new(7);
    let mut samples = Vec::new();
    for y in 0..height {
        for x in 0..width {
            samples.extend((0..channels).map(|c| (x * 3 + y * (c + 2) + c * 40 + dice.roll(6) as u32) as u8));
        }
    }
    samples
}

/// A file cut at many places, and one with bytes changed at random, must fail or give an image of the announced size:
/// never panic, never hang. Cutting within the first `solid` bytes must fail.
pub(crate) fn torture(file: &[u8], solid: usize) {
    let (whole, _) = decode(file).unwrap();
    let step = (solid / 60).max(1);
    for cut in (0..solid).step_by(step) {
        assert!(decode(&file[..cut]).is_err(), "cut at {cut} of {}", file.len());
    }
    let mut dice = Dice::new(file.len() as u64);
    for round in 0..500 {
        let mut bytes = file.to_vec();
        let reach = if round % 2 == 0 { bytes.len() } else { bytes.len().min(200) };
        for _ in 0..=dice.roll(4) {
            let at = dice.roll(reach);
            bytes[at] = dice.roll(256) as u8;
        }
        let limits = Limits { streamed_pixels: 4_000_000, whole_pixels: 4_000_000, side: 60_000 };
        let _ = open_limited(&bytes, &limits).and_then(|mut source| {
            let pixels = read_all(source.as_mut(), 16)?;
            assert_eq!(pixels.len(), source.info().row_bytes() * source.info().height as usize);
            Ok(())
        });
    }
    assert!(whole.width > 0);
}
