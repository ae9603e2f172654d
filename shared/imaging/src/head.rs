//! The head of a derivative as its readers see it: where each tile lies in the file.
//!
//! A derivative is a TIFF 6.0 file (or BigTIFF), little-endian, whose directories and arrays all stand at its start. The
//! directories that any reader of TIFF finds are the levels of a pyramid, full size first, of tiles of [`TILE_SIDE`] pixels a
//! side; each tile is a complete JPEG. What is ours alone stands in a second chain of directories, which no link of the first
//! leads to: readers of TIFF complain about tags that they do not know, or take whatever they find for one more level. Right
//! behind the file's header [`PRIVATE_MARK`] is followed by the offset of that chain's first directory. It holds
//! - for each level the twins of the tiles that an edge may cut short: complete JPEGs of the exact size, listed by
//!   [`tag::TWIN_OFFSETS`] and [`tag::TWIN_BYTE_COUNTS`], the last column from top to bottom, then the rest of the last row
//!   from left to right;
//! - when the source had alpha, the levels of the alpha plane: like the others, with their twins, and with [`tag::ALPHA`].

use dlcs_model::limits::TILE_SIDE;

use crate::geometry::{self, Level};
use crate::tiff_reader::{Directory, Reader};

/// The TIFF tags of a derivative.
pub(crate) mod tag {
    pub const NEW_SUBFILE_TYPE: u16 = 254;
    pub const IMAGE_WIDTH: u16 = 256;
    pub const IMAGE_LENGTH: u16 = 257;
    pub const BITS_PER_SAMPLE: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const SAMPLES_PER_PIXEL: u16 = 277;
    pub const PLANAR_CONFIGURATION: u16 = 284;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_LENGTH: u16 = 323;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTE_COUNTS: u16 = 325;
    pub const YCBCR_SUBSAMPLING: u16 = 530;
    pub const YCBCR_POSITIONING: u16 = 531;
    /// Private: offsets of the twins.
    pub const TWIN_OFFSETS: u16 = 65101;
    /// Private: byte counts of the twins.
    pub const TWIN_BYTE_COUNTS: u16 = 65102;
    /// Private: 1 marks a level of the alpha plane.
    pub const ALPHA: u16 = 65103;
}

/// Announces the private chain.
pub(crate) const PRIVATE_MARK: &[u8; 8] = b"DLCSTWIN";

/// Why bytes are not the head of a derivative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The head ends before what it refers to.
    #[error("the head of the derivative is cut short")]
    Truncated,
    /// It does not start like a little-endian TIFF.
    #[error("not a TIFF file")]
    NotTiff,
    /// A TIFF, but not laid out as a derivative.
    #[error("not a derivative: unexpected {0}")]
    Unexpected(&'static str),
}

/// Where a JPEG lies in the derivative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TileRange {
    /// Bytes from the start of the file.
    pub offset: u64,
    /// Its length in bytes.
    pub length: u32,
}

/// Where the tiles of one level lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LevelIndex {
    /// The level's size.
    pub level: Level,
    /// The padded tiles that other readers of TIFF use, row by row.
    pub tiles: Vec<TileRange>,
    /// The last column, then the rest of the last row, at their exact sizes.
    pub twins: Vec<TileRange>,
}

impl LevelIndex {
    /// An index without any tile yet.
    pub fn empty(level: Level) -> Self {
        let count = level.columns() as usize * level.rows() as usize;
        let twins = level.columns() as usize + level.rows() as usize - 1;
        Self { level, tiles: vec![TileRange::default(); count], twins: vec![TileRange::default(); twins] }
    }

    /// The place of the tile at (`column`, `row`) in `twins`, when it is in the last column or row.
    pub fn twin(&self, column: u32, row: u32) -> Option<usize> {
        if column + 1 == self.level.columns() {
            Some(row as usize)
        } else if row + 1 == self.level.rows() {
            Some(self.level.rows() as usize + column as usize)
        } else {
            None
        }
    }

    fn exact(&self, column: u32, row: u32) -> Option<TileRange> {
        if column >= self.level.columns() || row >= self.level.rows() {
            return None;
        }
        match self.twin(column, row) {
            Some(place) => self.twins.get(place).copied(),
            None => self.tiles.get(row as usize * self.level.columns() as usize + column as usize).copied(),
        }
    }
}

/// Reads a level without its twins.
fn level(directory: &Directory<'_>, number: usize) -> Result<LevelIndex, HeadError> {
    let expected = [
        (tag::TILE_WIDTH, TILE_SIDE, "tile width"),
        (tag::TILE_LENGTH, TILE_SIDE, "tile length"),
        (tag::COMPRESSION, 7, "compression"),
    ];
    for (tag, value, what) in expected {
        if directory.one(tag)? != value {
            return Err(HeadError::Unexpected(what));
        }
    }
    let index = u32::try_from(number).map_err(|_| HeadError::Unexpected("number of levels"))?;
    let level = Level { index, width: directory.one(tag::IMAGE_WIDTH)?, height: directory.one(tag::IMAGE_LENGTH)? };
    if level.width == 0 || level.height == 0 {
        return Err(HeadError::Unexpected("size"));
    }
    let count = u64::from(level.columns()) * u64::from(level.rows());
    let tiles = directory.ranges((tag::TILE_OFFSETS, tag::TILE_BYTE_COUNTS), count)?;
    Ok(LevelIndex { level, tiles, twins: Vec::new() })
}

fn twins(directory: &Directory<'_>, level: &Level) -> Result<Vec<TileRange>, HeadError> {
    let count = u64::from(level.columns()) + u64::from(level.rows()) - 1;
    directory.ranges((tag::TWIN_OFFSETS, tag::TWIN_BYTE_COUNTS), count)
}

/// A parsed head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    gray: bool,
    colour: Vec<LevelIndex>,
    alpha: Vec<LevelIndex>,
}

impl Head {
    /// Reads the first bytes of a derivative, at least as many as its head is long. Whatever the bytes, this neither
    /// panics nor allocates more than a small multiple of their number.
    ///
    /// # Errors
    /// [`HeadError`] when they are not the head of a derivative.
    pub fn parse(head: &[u8]) -> Result<Self, HeadError> {
        let reader = Reader::new(head)?;
        let mut parsed = Self { gray: false, colour: Vec::new(), alpha: Vec::new() };
        let mut next = reader.first()?;
        while let Some(at) = next {
            let directory = reader.directory(at)?;
            next = directory.next;
            parsed.gray = directory.one(tag::SAMPLES_PER_PIXEL)? == 1;
            parsed.colour.push(level(&directory, parsed.colour.len())?);
        }
        let mut next = reader.first_private()?;
        let mut levels = parsed.colour.iter_mut();
        while let Some(at) = next {
            let directory = reader.directory(at)?;
            next = directory.next;
            match levels.next() {
                Some(index) => index.twins = twins(&directory, &index.level)?,
                None if directory.optional(tag::ALPHA)? == Some(1) => {
                    let mut index = level(&directory, parsed.alpha.len())?;
                    index.twins = twins(&directory, &index.level)?;
                    parsed.alpha.push(index);
                }
                None => return Err(HeadError::Unexpected("directory")),
            }
        }
        if levels.next().is_some() {
            return Err(HeadError::Unexpected("absence of twins"));
        }
        let complete = |levels: &[LevelIndex], size: Option<(u32, u32)>| {
            size.is_some_and(|(width, height)| levels.iter().map(|l| l.level).eq(geometry::levels(width, height)))
        };
        let size = parsed.colour.first().map(|first| (first.level.width, first.level.height));
        if !complete(&parsed.colour, size) || !(parsed.alpha.is_empty() || complete(&parsed.alpha, size)) {
            return Err(HeadError::Unexpected("sizes of the levels"));
        }
        Ok(parsed)
    }

    /// Pixels across at full size.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.colour.first().map_or(0, |first| first.level.width)
    }

    /// Pixels down at full size.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.colour.first().map_or(0, |first| first.level.height)
    }

    /// How many levels there are, those of [`geometry::levels`].
    #[must_use]
    pub fn levels(&self) -> u32 {
        u32::try_from(self.colour.len()).unwrap_or(u32::MAX)
    }

    /// Whether the tiles have one component.
    #[must_use]
    pub fn is_gray(&self) -> bool {
        self.gray
    }

    /// Whether there is an alpha plane.
    #[must_use]
    pub fn has_alpha(&self) -> bool {
        !self.alpha.is_empty()
    }

    /// The JPEG of exactly the tile's size, composited on white when the source had alpha; `None` outside the level.
    #[must_use]
    pub fn tile(&self, level: u32, column: u32, row: u32) -> Option<TileRange> {
        self.colour.get(level as usize)?.exact(column, row)
    }

    /// The same tile of the alpha plane, a JPEG of one component; `None` also without alpha.
    #[must_use]
    pub fn alpha_tile(&self, level: u32, column: u32, row: u32) -> Option<TileRange> {
        self.alpha.get(level as usize)?.exact(column, row)
    }

    /// The padded tile that other readers use.
    #[cfg(test)]
    pub(crate) fn padded(&self, level: u32, column: u32, row: u32) -> Option<TileRange> {
        let index = self.colour.get(level as usize)?;
        index.tiles.get(row as usize * index.level.columns() as usize + column as usize).copied()
    }

    /// Every JPEG in the file, padded ones and twins.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = TileRange> {
        self.colour.iter().chain(&self.alpha).flat_map(|index| index.tiles.iter().chain(&index.twins).copied())
    }
}
