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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::convert::Infallible;
    use std::rc::Rc;

    use fax::encoder::Encoder;
    use fax::{BitWriter, Bits as Code, Color, VecWriter};

    use crate::source::fixtures::{Dice, TiffFile, decode, torture};

    const WIDTH: usize = 301;
    const HEIGHT: usize = 80;

    /// Black pixels: bars, specks, rows alike and rows apart, long and short runs.
    fn picture() -> Vec<Vec<bool>> {
        let mut dice = Dice::new(11);
        let mut rows: Vec<Vec<bool>> = vec![vec![false; WIDTH]; 3];
        while rows.len() < HEIGHT - 1 {
            let mut row = rows.last().unwrap().clone();
            match rows.len() % 5 {
                0 => row.iter_mut().for_each(|p| *p = dice.roll(2) == 0),
                1 => row.fill(dice.roll(2) == 0),
                2 => row.rotate_left(1 + dice.roll(4)),
                3 => {
                    let (from, to) = (dice.roll(150), 150 + dice.roll(151));
                    row[from..to].iter_mut().for_each(|p| *p = !*p);
                }
                _ => {}
            }
            rows.push(row);
        }
        rows.push(vec![true; WIDTH]);
        rows
    }

    /// Bits that are written while others look on.
    #[derive(Clone)]
    struct Shared(Rc<RefCell<VecWriter>>);

    impl Shared {
        fn new() -> Self {
            Self(Rc::new(RefCell::new(VecWriter::new())))
        }

        fn put(&self, data: u16, len: u8) {
            self.clone().write(Code { data, len }).unwrap();
        }

        fn bytes(self) -> Vec<u8> {
            self.0.replace(VecWriter::new()).finish()
        }
    }

    impl BitWriter for Shared {
        type Error = Infallible;

        fn write(&mut self, bits: Code) -> Result<(), Infallible> {
            self.0.borrow_mut().write(bits)
        }
    }

    fn colors(row: &[bool]) -> impl Iterator<Item = Color> + '_ {
        row.iter().map(|dark| if *dark { Color::Black } else { Color::White })
    }

    fn one_dimensional(out: &Shared, row: &[bool]) {
        let mut rest = row;
        let mut dark = false;
        while !rest.is_empty() {
            let mut run = rest.iter().take_while(|p| **p == dark).count();
            rest = &rest[run..];
            let code = |n: usize| {
                let code = if dark { fax::maps::black::encode(n as u16) } else { fax::maps::white::encode(n as u16) };
                let code = code.unwrap();
                out.put(code.data, code.len);
            };
            if run >= 64 {
                code(run / 64 * 64);
                run %= 64;
            }
            code(run);
            dark = !dark;
        }
    }

    fn file(data: Vec<u8>, compression: u16, options: u16) -> Vec<u8> {
        let file = TiffFile::new(WIDTH as u32, HEIGHT as u32, 1, 1, 0).with(259, compression);
        file.with(292, options).chunk(data).bytes()
    }

    fn check(file: &[u8]) {
        let wanted: Vec<u8> = picture().concat().iter().map(|dark| if *dark { 0 } else { 255 }).collect();
        assert_eq!(decode(file).unwrap().1, wanted);
        torture(file, 500);
    }

    #[test]
    fn group_4() {
        let out = Shared::new();
        let mut encoder = Encoder::new(out.clone());
        for row in picture() {
            encoder.encode_line(colors(&row), WIDTH as u16).unwrap();
        }
        encoder.finish().unwrap();
        check(&file(out.bytes(), 4, 0));
    }

    #[test]
    fn group_3_of_one_dimension() {
        for fill in [0, 4] {
            let out = Shared::new();
            for row in picture() {
                out.put(0, fill);
                out.put(1, 12);
                one_dimensional(&out, &row);
            }
            check(&file(out.bytes(), 3, 0));
        }
    }

    #[test]
    fn group_3_of_two_dimensions() {
        let out = Shared::new();
        // The encoder always refers to the row before, so its first row must be coded apart.
        let mut encoder = Encoder::new(out.clone());
        for (number, row) in picture().iter().enumerate() {
            out.put(1, 12);
            out.put(u16::from(number == 0), 1);
            if number == 0 {
                assert!(row.iter().all(|dark| !dark), "the encoder takes the row above the first as white");
                one_dimensional(&out, row);
            } else {
                encoder.encode_line(colors(row), WIDTH as u16).unwrap();
            }
        }
        check(&file(out.bytes(), 3, 1));
    }

    #[test]
    fn rows_at_bytes() {
        let mut data = Vec::new();
        for row in picture() {
            let out = Shared::new();
            one_dimensional(&out, &row);
            data.extend(out.bytes());
        }
        check(&file(data, 2, 0));
    }
}
