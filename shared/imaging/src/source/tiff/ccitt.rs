//! CCITT bilevel compression: one-dimensional rows, T.4 (group 3) and T.6 (group 4).
//!
//! A row is the list of positions where its colour changes, white first; the two-dimensional codes describe a row by
//! how its changes differ from those of the row above.

use std::io::{BufRead, Error, ErrorKind, Read};

use fax::BitReader;
use fax::maps::{Mode, black, mode, white};

use super::layout::Compression;

/// Decodes to packed rows in which a set bit is black.
pub(super) struct Fax<R> {
    bits: Bits<R>,
    compression: Compression,
    width: u32,
    /// Changes of the row above.
    above: Vec<u32>,
    /// Changes of the row itself.
    changes: Vec<u32>,
    packed: Vec<u8>,
    /// How much of `packed` was handed out.
    taken: usize,
}

impl<R: BufRead> Fax<R> {
    pub(super) fn new(input: R, width: u32, compression: Compression) -> Self {
        Self {
            bits: Bits { input, buffer: 0, valid: 0 },
            compression,
            width,
            above: Vec::new(),
            changes: Vec::new(),
            packed: Vec::new(),
            taken: 0,
        }
    }

    fn decode_row(&mut self) -> std::io::Result<()> {
        self.bits.fill()?;
        std::mem::swap(&mut self.above, &mut self.changes);
        self.changes.clear();
        match self.compression {
            Compression::Group4 => self.two_dimensional()?,
            Compression::Group3 { two } => {
                let marked = self.skip_end_of_line()?;
                if two && marked && self.bits.take(1)? == 0 {
                    self.two_dimensional()?;
                } else {
                    self.one_dimensional()?;
                }
            }
            Compression::Rle | Compression::None | Compression::Lzw | Compression::Deflate => self.rle()?,
            Compression::PackBits | Compression::Jpeg => self.rle()?,
        }
        self.pack();
        Ok(())
    }

    fn rle(&mut self) -> std::io::Result<()> {
        self.bits.align();
        self.one_dimensional()
    }

    /// Skips fill and an end-of-line code; says whether there was one.
    fn skip_end_of_line(&mut self) -> std::io::Result<bool> {
        loop {
            match self.bits.peek(12) {
                Some(1) => {
                    self.bits.take(12)?;
                    return Ok(true);
                }
                // No code of a run starts with so many zeros: this is fill.
                Some(0) => {
                    self.bits.take(1)?;
                }
                _ => return Ok(false),
            }
        }
    }

    fn one_dimensional(&mut self) -> std::io::Result<()> {
        let mut position = 0;
        let mut dark = false;
        while position < self.width {
            position += self.run(dark, self.width - position)?;
            self.changes.push(position);
            dark = !dark;
        }
        Ok(())
    }

    /// A run's length: any number of make-up codes and one below 64.
    fn run(&mut self, dark: bool, most: u32) -> std::io::Result<u32> {
        let mut length = 0;
        loop {
            let code = if dark { black::decode(&mut self.bits) } else { white::decode(&mut self.bits) };
            let code = u32::from(code.ok_or_else(|| self.bits.failure("an unknown run"))?);
            length += code;
            if length > most {
                return Err(damaged("a run leaves its row"));
            }
            if code < 64 {
                return Ok(length);
            }
        }
    }

    fn two_dimensional(&mut self) -> std::io::Result<()> {
        let mut position = 0;
        let mut dark = false;
        let mut start = true;
        // The first change of the row above that may still matter.
        let mut index: usize = 0;
        while position < self.width {
            // b1: the first change above, right of here, to the other colour. Even changes are to black.
            index = index.saturating_sub(2) & !1 | usize::from(dark);
            while !start && self.above.get(index).is_some_and(|b| *b <= position) {
                index += 2;
            }
            let above = |n: usize| self.above.get(n).copied().unwrap_or(self.width);
            let (b1, b2) = (above(index), above(index + 1));
            match mode::decode(&mut self.bits).ok_or_else(|| self.bits.failure("an unknown mode"))? {
                Mode::Pass => position = b2,
                Mode::Horizontal => {
                    for dark in [dark, !dark] {
                        position += self.run(dark, self.width - position)?;
                        self.changes.push(position);
                    }
                }
                Mode::Vertical(delta) => {
                    let change = b1.checked_add_signed(delta.into()).filter(|c| *c >= position && *c <= self.width);
                    position = change.ok_or_else(|| damaged("a change outside its row"))?;
                    self.changes.push(position);
                    dark = !dark;
                }
                Mode::Extension => return Err(damaged("uncompressed mode, which is not supported")),
                Mode::EOF => return Err(ErrorKind::UnexpectedEof.into()),
            }
            start = false;
        }
        Ok(())
    }

    /// Paints the row's black runs.
    fn pack(&mut self) {
        self.packed.clear();
        self.packed.resize((self.width as usize).div_ceil(8), 0);
        for run in self.changes.chunks(2) {
            let from = run[0].min(self.width) as usize;
            let to = run.get(1).copied().unwrap_or(self.width).min(self.width) as usize;
            if from < to {
                paint(&mut self.packed, from, to);
            }
        }
        self.taken = 0;
    }
}

/// Sets the bits `from..to`, highest first; not empty.
fn paint(packed: &mut [u8], from: usize, to: usize) {
    let (first, last) = (from / 8, (to - 1) / 8);
    let head = 0xFFu8 >> (from % 8);
    let tail = 0xFFu8 << (7 - (to - 1) % 8);
    if first == last {
        packed[first] |= head & tail;
    } else {
        packed[first] |= head;
        packed[first + 1..last].fill(0xFF);
        packed[last] |= tail;
    }
}

impl<R: BufRead> Read for Fax<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.taken == self.packed.len() {
            self.decode_row()?;
        }
        let count = buffer.len().min(self.packed.len() - self.taken);
        buffer[..count].copy_from_slice(&self.packed[self.taken..self.taken + count]);
        self.taken += count;
        Ok(count)
    }
}

/// Bits of the input, highest first. Beyond its end they look like zeros, but cannot be consumed.
struct Bits<R> {
    input: R,
    /// The next bits, from the top.
    buffer: u64,
    valid: u32,
}

impl<R: BufRead> Bits<R> {
    fn fill(&mut self) -> std::io::Result<()> {
        while self.valid <= 56 {
            let Some(byte) = self.input.fill_buf()?.first().copied() else { break };
            self.input.consume(1);
            self.buffer |= u64::from(byte) << (56 - self.valid);
            self.valid += 8;
        }
        Ok(())
    }

    fn take(&mut self, bits: u8) -> std::io::Result<u16> {
        let value = self.peek(bits).unwrap_or(0);
        self.consume(bits)?;
        Ok(value)
    }

    /// Goes to the start of the next byte.
    fn align(&mut self) {
        let odd = self.valid % 8;
        self.buffer <<= odd;
        self.valid -= odd;
    }

    /// Why nothing could be decoded here.
    fn failure(&self, what: &'static str) -> Error {
        if self.valid < 16 { ErrorKind::UnexpectedEof.into() } else { damaged(what) }
    }
}

impl<R: BufRead> BitReader for Bits<R> {
    type Error = Error;

    fn peek(&self, bits: u8) -> Option<u16> {
        Some((self.buffer >> 48 >> (16 - bits)) as u16)
    }

    fn consume(&mut self, bits: u8) -> Result<(), Error> {
        let bits = u32::from(bits);
        if bits > self.valid {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.buffer <<= bits;
        self.valid -= bits;
        if self.valid < 32 { self.fill() } else { Ok(()) }
    }

    fn bits_to_byte_boundary(&self) -> u8 {
        (self.valid % 8) as u8
    }
}

fn damaged(what: &'static str) -> Error {
    Error::new(ErrorKind::InvalidData, what)
}
