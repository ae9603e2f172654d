//! What a JPEG 2000 says before its first tile (ISO/IEC 15444-1, annexes A and I).

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};

use dlcs_model::Failure;

use super::FORMAT;
use crate::source::native::unreadable;

type Input<'a> = BufReader<&'a mut File>;

/// Bytes before the first tile at most: room for any real profile and description.
const LONGEST: u64 = 64 * 1024 * 1024;
/// Boxes before the first codestream at most.
const BOXES: usize = 1024;

const CODESTREAM: [u8; 4] = *b"jp2c";
const START: [u8; 2] = [0xFF, 0x4F];
const SIZE: [u8; 2] = [0xFF, 0x51];
const CODING: [u8; 2] = [0xFF, 0x52];
const TILE: [u8; 2] = [0xFF, 0x90];

/// The header of a file's first codestream, with all boxes before it.
#[derive(Debug, Default)]
pub(super) struct Header {
    /// The file up to the first tile.
    pub(super) bytes: Vec<u8>,
    /// Where the codestream ends in the file.
    pub(super) end: u64,
    /// Pixels of the largest tile.
    pub(super) tile_pixels: u64,
    /// How many components are stored.
    pub(super) components: usize,
    /// Bits of the deepest component.
    pub(super) depth: u8,
    /// Whether the second component has fewer samples than the first.
    pub(super) subsampled: bool,
    /// Whether the wavelet loses nothing.
    pub(super) reversible: bool,
}

impl Header {
    /// Reads the header; the file may be a JP2, a JPX or a codestream.
    pub(super) fn read(file: &mut File) -> Result<Self, Failure> {
        Self::parse(&mut BufReader::new(file)).map_err(|error| unreadable(FORMAT, &error))
    }

    fn parse(input: &mut Input<'_>) -> io::Result<Self> {
        let (start, end) = find(input)?;
        let mut header = Self { end, ..Self::default() };
        header.markers(input, start)?;
        let length = input.stream_position()?;
        input.rewind()?;
        input.take(length).read_to_end(&mut header.bytes)?;
        Ok(header)
    }

    /// Takes what is of interest from the marker segments, and leaves the input behind the mark of the first tile.
    fn markers(&mut self, input: &mut Input<'_>, start: u64) -> io::Result<()> {
        input.seek(SeekFrom::Start(start))?;
        if array(input)? != START {
            return Err(damage("its codestream has no beginning"));
        }
        loop {
            if input.stream_position()? > LONGEST {
                return Err(damage("its header is longer than any real one"));
            }
            let marker = array(input)?;
            match marker {
                TILE => break,
                // These have no body.
                [0xFF, 0x30..=0x3F] => continue,
                _ => {}
            }
            let length = u16::from_be_bytes(array(input)?);
            let mut body = vec![0; usize::from(length.saturating_sub(2))];
            input.read_exact(&mut body)?;
            let understood = match marker {
                SIZE => self.size(&body),
                CODING => self.coding(&body),
                _ => Some(()),
            };
            understood.ok_or_else(|| damage("a segment of its header is too short"))?;
        }
        if self.components == 0 { Err(damage("it has no components")) } else { Ok(()) }
    }

    /// SIZ: the size of a tile, and of each component the depth and how many pixels share a sample across and down.
    fn size(&mut self, body: &[u8]) -> Option<()> {
        let number = |at: usize| Some(u64::from(u32::from_be_bytes(*body.get(at..)?.first_chunk()?)));
        self.tile_pixels = number(18)?.saturating_mul(number(22)?);
        let (components, _) = body.get(36..)?.as_chunks::<3>();
        self.components = components.len();
        self.depth = components.iter().map(|[depth, ..]| (depth & 0x7F) + 1).max()?;
        self.subsampled = matches!(components, [[_, x, y], [_, u, v], ..] if u > x || v > y);
        Some(())
    }

    /// COD: which wavelet.
    fn coding(&mut self, body: &[u8]) -> Option<()> {
        self.reversible = *body.get(9)? == 1;
        Some(())
    }
}

/// Where the first codestream begins and ends.
fn find(input: &mut Input<'_>) -> io::Result<(u64, u64)> {
    let length = input.seek(SeekFrom::End(0))?;
    input.rewind()?;
    if array(input)? == START {
        return Ok((0, length));
    }
    let mut at = 0;
    for _ in 0..BOXES {
        input.seek(SeekFrom::Start(at))?;
        let short = u32::from_be_bytes(array(input)?);
        let kind = array(input)?;
        let (head, size) = match short {
            0 => (8, length - at),
            1 => (16, u64::from_be_bytes(array(input)?)),
            size => (8, u64::from(size)),
        };
        let end = at.checked_add(size.max(head)).filter(|end| *end <= length).ok_or(ErrorKind::UnexpectedEof)?;
        if kind == CODESTREAM {
            return Ok((at + head, end));
        }
        at = end;
    }
    Err(damage("it has no codestream"))
}

fn array<const N: usize>(input: &mut Input<'_>) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    input.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn damage(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what)
}
