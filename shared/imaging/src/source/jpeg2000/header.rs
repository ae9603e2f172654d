//! What a JPEG 2000 says before its first tile (ISO/IEC 15444-1, annexes A and I).

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Seek, SeekFrom};

use dlcs_model::Failure;

use super::FORMAT;
use crate::source::native::unreadable;

type Input<'a> = BufReader<&'a mut File>;

/// Bytes before the first tile at most: room for any real profile and description.
const LONGEST: u64 = 64 * 1024 * 1024;
/// Tiles at most.
const TILES: u64 = 65_535;
/// Steps to plant the trees of all tiles: two seconds. Real images take some ten millions at most.
const STEPS: u64 = 150_000_000;
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
    /// Sides of the largest tile, as far as it lies in the image.
    tile: (u64, u64),
    /// How many tiles there are.
    pub(super) tiles: u64,
    /// How many components are stored.
    pub(super) components: usize,
    /// Bits of the deepest component.
    pub(super) depth: u8,
    /// Whether the second component has fewer samples than the first.
    pub(super) subsampled: bool,
    /// Whether the wavelet loses nothing.
    pub(super) reversible: bool,
    /// How a tile is cut.
    pub(super) partition: Partition,
}

/// How the pixels of a tile are cut, whose every piece the decoder keeps a record of.
#[derive(Debug, Default)]
pub(super) struct Partition {
    layers: u64,
    levels: u32,
    /// Binary logarithms of a code-block's sides.
    block: (u32, u32),
    /// Those of a precinct's, for each resolution from the smallest on; none where there is one precinct.
    precincts: Vec<(u32, u32)>,
}

impl Partition {
    fn read(body: &[u8]) -> Option<Self> {
        let [style, _, high, low, _, levels, across, down, _, _, precincts @ ..] = body else { return None };
        let precincts = if style & 1 == 1 { precincts } else { &[] };
        // Sides of 64 pixels are the rule; what is beyond the standard is for the decoder to refuse.
        let side = |exponent: u8| u32::from(exponent & 15) + 2;
        Some(Self {
            layers: u16::from_be_bytes([*high, *low]).into(),
            levels: u32::from(*levels).min(32),
            block: (side(*across), side(*down)),
            precincts: precincts.iter().map(|sides| (u32::from(sides & 15), u32::from(sides >> 4))).collect(),
        })
    }

    /// Bytes that the decoder keeps of the pieces of one component of a tile.
    pub(super) fn memory(&self, tile_pixels: u64) -> u64 {
        /// Of a block, its nodes in the trees, and its precinct; vectors that grow exist twice for a moment.
        const PIECE: u64 = 512;
        const LAYER: u64 = 48;
        self.pieces(tile_pixels).saturating_mul(PIECE + LAYER * self.layers)
    }

    /// Blocks and precincts.
    fn pieces(&self, tile_pixels: u64) -> u64 {
        let resolution = |number: u32| {
            let pixels = tile_pixels.checked_shr(2 * (self.levels - number)).unwrap_or(0).max(1);
            let (across, down) = self.precincts.get(number as usize).copied().unwrap_or((15, 15));
            // Above the smallest resolution a precinct is cut into the sub-bands, each half as wide and high.
            let half = u32::from(number > 0);
            let side = |block: u32, precinct: u32| block.min(precinct.saturating_sub(half));
            let blocks = pixels >> (side(self.block.0, across) + side(self.block.1, down));
            blocks + (pixels >> (across + down)) + 1
        };
        (0..=self.levels).map(resolution).sum()
    }

    /// Steps that the decoder takes to plant the trees of one component of a tile: it goes through the square around each
    /// precinct's blocks, however flat they lie.
    fn steps(&self, (width, height): (u64, u64)) -> u64 {
        let resolution = |number: u32| {
            let reduced = |side: u64| side.checked_shr(self.levels - number).unwrap_or(0).max(1);
            let (width, height) = (reduced(width), reduced(height));
            let (across, down) = self.precincts.get(number as usize).copied().unwrap_or((15, 15));
            let half = u32::from(number > 0);
            let blocks = |side: u64, block: u32, precinct: u32| {
                let precinct = precinct.saturating_sub(half);
                (side >> half).min(1 << precinct).div_ceil(1 << block.min(precinct)).max(1)
            };
            let longer = blocks(width, self.block.0, across).max(blocks(height, self.block.1, down));
            let square = longer.next_power_of_two().pow(2);
            let precincts = width.div_ceil(1 << across) * height.div_ceil(1 << down);
            // Two trees for each precinct in each sub-band.
            precincts.saturating_mul(square).saturating_mul(if number > 0 { 6 } else { 2 })
        };
        (0..=self.levels).map(resolution).fold(0, u64::saturating_add)
    }
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
        // Their numbers have 16 bits, but a decoder makes room for all that the sizes ask for.
        if self.tiles > TILES {
            return Err(damage("it has more tiles than can be numbered"));
        }
        if self.partition.steps(self.tile).saturating_mul(self.tiles * self.components as u64) > STEPS {
            return Err(damage("its precincts are flatter than any real ones"));
        }
        if self.components == 0 { Err(damage("it has no components")) } else { Ok(()) }
    }

    /// SIZ: the size of a tile, how many there are, and of each component the depth and how many pixels share a sample across and down.
    fn size(&mut self, body: &[u8]) -> Option<()> {
        let number = |at: usize| Some(u64::from(u32::from_be_bytes(*body.get(at..)?.first_chunk()?)));
        let (width, height) = (number(18)?, number(22)?);
        self.tile_pixels = width.saturating_mul(height);
        self.tile = (width.min(number(2)?), height.min(number(6)?));
        // A size of 0 is for the decoder to refuse.
        let count = |end: u64, start: u64, side: u64| end.saturating_sub(start).div_ceil(side.max(1));
        let across = count(number(2)?, number(26)?, width);
        self.tiles = across.saturating_mul(count(number(6)?, number(30)?, height));
        let (components, _) = body.get(36..)?.as_chunks::<3>();
        self.components = components.len();
        self.depth = components.iter().map(|[depth, ..]| (depth & 0x7F) + 1).max()?;
        self.subsampled = matches!(components, [[_, x, y], [_, u, v], ..] if u > x || v > y);
        Some(())
    }

    /// COD: which wavelet, and how tiles are cut.
    fn coding(&mut self, body: &[u8]) -> Option<()> {
        self.reversible = *body.get(9)? == 1;
        self.partition = Partition::read(body)?;
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
