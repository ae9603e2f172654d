//! Reads directories of a little-endian TIFF or BigTIFF that lies in memory, trusting none of its numbers.

use crate::head::{HeadError, PRIVATE_MARK, TileRange};

/// Directories that a derivative has at most: levels, their twins and levels of alpha.
const MAX_DIRECTORIES: usize = 3 * 33;
/// Entries of one directory.
const MAX_ENTRIES: u64 = 64;

/// The bytes and which of the two formats they are.
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    big: bool,
    visited: std::cell::Cell<usize>,
}

/// An array of numbers, not yet read.
#[derive(Clone, Copy)]
struct Array<'a> {
    bytes: &'a [u8],
    width: usize,
}

impl<'a> Array<'a> {
    fn numbers(self) -> impl Iterator<Item = u64> + use<'a> {
        self.bytes.chunks_exact(self.width).map(little_endian)
    }
}

/// One directory.
pub(crate) struct Directory<'a> {
    entries: Vec<(u16, Array<'a>)>,
    /// Where the next one starts.
    pub next: Option<u64>,
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

impl<'a> Reader<'a> {
    /// Looks at the first bytes.
    pub fn new(bytes: &'a [u8]) -> Result<Self, HeadError> {
        let big = match bytes {
            [b'I', b'I', 42, 0, ..] => false,
            [b'I', b'I', 43, 0, 8, 0, 0, 0, ..] => true,
            _ => return Err(HeadError::NotTiff),
        };
        Ok(Self { bytes, big, visited: std::cell::Cell::new(0) })
    }

    /// Where the first directory starts.
    pub fn first(&self) -> Result<Option<u64>, HeadError> {
        let place = if self.big { self.slice(8, 8)? } else { self.slice(4, 4)? };
        Ok(Some(little_endian(place)).filter(|&at| at != 0))
    }

    /// Where the first directory of the private chain starts.
    pub fn first_private(&self) -> Result<Option<u64>, HeadError> {
        let (mark, offset_bytes) = if self.big { (16, 8) } else { (8, 4) };
        if self.slice(mark, PRIVATE_MARK.len() as u64)? != PRIVATE_MARK {
            return Err(HeadError::Unexpected("absence of the private mark"));
        }
        let place = self.slice(mark + PRIVATE_MARK.len() as u64, offset_bytes)?;
        Ok(Some(little_endian(place)).filter(|&at| at != 0))
    }

    fn slice(&self, at: u64, length: u64) -> Result<&'a [u8], HeadError> {
        let start = usize::try_from(at).map_err(|_| HeadError::Truncated)?;
        let length = usize::try_from(length).map_err(|_| HeadError::Truncated)?;
        let end = start.checked_add(length).ok_or(HeadError::Truncated)?;
        self.bytes.get(start..end).ok_or(HeadError::Truncated)
    }

    /// Reads the directory at `at`; entries of types that a derivative does not use are left out.
    pub fn directory(&self, at: u64) -> Result<Directory<'a>, HeadError> {
        // Directories that point at each other would never end.
        self.visited.set(self.visited.get() + 1);
        if self.visited.get() > MAX_DIRECTORIES {
            return Err(HeadError::Unexpected("number of directories"));
        }
        let (count_bytes, entry_bytes, offset_bytes) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let count = little_endian(self.slice(at, count_bytes)?);
        if count > MAX_ENTRIES {
            return Err(HeadError::Unexpected("number of entries"));
        }
        let body = at + count_bytes;
        let mut entries = Vec::new();
        for entry in self.slice(body, count * entry_bytes)?.chunks_exact(entry_bytes as usize) {
            if let Some(array) = self.array(entry, offset_bytes as usize)? {
                entries.push((u16::from_le_bytes([entry[0], entry[1]]), array));
            }
        }
        let next = little_endian(self.slice(body + count * entry_bytes, offset_bytes)?);
        Ok(Directory { entries, next: Some(next).filter(|&at| at != 0) })
    }

    /// The values of an entry: within it when they fit, else where it points.
    fn array(&self, entry: &'a [u8], offset_bytes: usize) -> Result<Option<Array<'a>>, HeadError> {
        let width = match u16::from_le_bytes([entry[2], entry[3]]) {
            3 => 2,
            4 => 4,
            16 => 8,
            _ => return Ok(None),
        };
        let (count, value) = entry[4..].split_at(offset_bytes);
        let length = little_endian(count).checked_mul(width).ok_or(HeadError::Truncated)?;
        let bytes = match value.get(..usize::try_from(length).unwrap_or(usize::MAX)) {
            Some(within) => within,
            None => self.slice(little_endian(value), length)?,
        };
        Ok(Some(Array { bytes, width: width as usize }))
    }
}

impl<'a> Directory<'a> {
    fn find(&self, tag: u16) -> Option<Array<'a>> {
        self.entries.iter().find(|entry| entry.0 == tag).map(|entry| entry.1)
    }

    /// The first value of a tag, if the tag is there.
    pub fn optional(&self, tag: u16) -> Result<Option<u32>, HeadError> {
        let Some(number) = self.find(tag).and_then(|array| array.numbers().next()) else { return Ok(None) };
        u32::try_from(number).map(Some).map_err(|_| HeadError::Unexpected("number in a tag"))
    }

    /// The first value of a tag that must be there.
    pub fn one(&self, tag: u16) -> Result<u32, HeadError> {
        self.optional(tag)?.ok_or(HeadError::Unexpected("absence of a tag"))
    }

    /// Pairs of offset and byte count; exactly `count` of them.
    pub fn ranges(&self, tags: (u16, u16), count: u64) -> Result<Vec<TileRange>, HeadError> {
        let absent = HeadError::Unexpected("absence of a tag");
        let (offsets, counts) = (self.find(tags.0).ok_or(absent)?, self.find(tags.1).ok_or(absent)?);
        let mismatch = |array: Array<'_>| (array.bytes.len() / array.width) as u64 != count;
        if mismatch(offsets) || mismatch(counts) {
            return Err(HeadError::Unexpected("number of tiles"));
        }
        let range = |(offset, length)| {
            let length = u32::try_from(length).map_err(|_| HeadError::Unexpected("length of a tile"))?;
            Ok(TileRange { offset, length })
        };
        offsets.numbers().zip(counts.numbers()).map(range).collect()
    }
}
