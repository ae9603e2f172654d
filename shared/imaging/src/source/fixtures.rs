//! Help for the tests of sources: files made in code, opened as any other.

mod tiff;

use std::io::Write;

use dlcs_model::{Failure, FailureCode};

pub(crate) use self::tiff::TiffFile;
use super::{Limits, RowSource, SourceInfo, open};

/// Opens bytes as a source.
pub(crate) fn open_bytes(bytes: &[u8]) -> Result<Box<dyn RowSource>, Failure> {
    open_limited(bytes, &Limits::default())
}

pub(crate) fn open_limited(bytes: &[u8], limits: &Limits) -> Result<Box<dyn RowSource>, Failure> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    open(file.reopen().unwrap(), limits)
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

/// A JPEG with one more segment, right after its start.
pub(crate) fn with_segment(jpeg: &[u8], marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&jpeg[..2], &[0xFF, marker], &length, body, &jpeg[2..]].concat()
}

/// A JPEG of 8 x 8 pixels of one ink mix, which no encoder at hand writes.
pub(crate) struct TinyCmyk {
    /// The stored samples.
    pub(crate) inks: [u8; 4],
    pub(crate) adobe: bool,
}

impl TinyCmyk {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut tables = vec![0; 1];
        tables.extend([1; 64]);
        // Huffman codes of 4 bits for the lengths 0 to 11 of a DC coefficient, and of 1 bit for "no more" among the others.
        let mut codes = vec![0x00, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        codes.extend(0..12);
        codes.extend([0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let mut bits = Vec::new();
        for ink in self.inks {
            // A DC coefficient is 8 times the mean above the middle.
            let level = (i32::from(ink) - 128) * 8;
            let length = 32 - level.unsigned_abs().leading_zeros();
            let value = if level < 0 { level + (1 << length) - 1 } else { level };
            bits.extend((0..4).rev().map(|n| length >> n & 1 == 1));
            bits.extend((0..length).rev().map(|n| value >> n & 1 == 1));
            bits.push(false);
        }
        bits.resize(bits.len().next_multiple_of(8), true);
        let byte = |bits: &[bool]| bits.iter().fold(0u8, |byte, bit| byte << 1 | u8::from(*bit));
        let data: Vec<u8> =
            bits.chunks(8).map(byte).flat_map(|b| if b == 0xFF { vec![b, 0] } else { vec![b] }).collect();
        let mut file = vec![0xFF, 0xD8, 0xFF, 0xD9];
        let scan = [4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0];
        file = with_segment(&file, 0xDA, &[&scan[..], &data].concat());
        // The scan's header says how long it is itself, without the data.
        file[4..6].copy_from_slice(&(scan.len() as u16 + 2).to_be_bytes());
        file = with_segment(&file, 0xC4, &codes);
        file = with_segment(&file, 0xC0, &[8, 0, 8, 0, 8, 4, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0]);
        file = with_segment(&file, 0xDB, &tables);
        if self.adobe { with_segment(&file, 0xEE, b"Adobe\0\x64\0\0\0\0\0") } else { file }
    }
}
