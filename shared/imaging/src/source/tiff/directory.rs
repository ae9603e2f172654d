//! The directories of a TIFF or BigTIFF: which there are and what their tags say.

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::FileExt;

use dlcs_model::{Failure, SourceFormat};

use crate::source::native::{corrupt, unreadable};

/// The tags that are read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Tag {
    NewSubfileType = 254,
    SubfileType = 255,
    ImageWidth = 256,
    ImageLength = 257,
    BitsPerSample = 258,
    Compression = 259,
    Photometric = 262,
    FillOrder = 266,
    StripOffsets = 273,
    Orientation = 274,
    SamplesPerPixel = 277,
    RowsPerStrip = 278,
    StripByteCounts = 279,
    PlanarConfiguration = 284,
    T4Options = 292,
    Predictor = 317,
    ColorMap = 320,
    TileWidth = 322,
    TileLength = 323,
    TileOffsets = 324,
    TileByteCounts = 325,
    InkSet = 332,
    ExtraSamples = 338,
    SampleFormat = 339,
    JpegTables = 347,
    YCbCrCoefficients = 529,
    YCbCrSubSampling = 530,
    ReferenceBlackWhite = 532,
    IccProfile = 34675,
}

/// A TIFF file: positional reads in its byte order.
pub(super) struct Input {
    pub(super) file: File,
    pub(super) length: u64,
    pub(super) little: bool,
    big: bool,
}

/// One directory.
pub(super) struct Directory {
    entries: Vec<Entry>,
}

struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    /// The value itself where it fits, else where it is.
    inline: [u8; 8],
}

impl Input {
    /// Reads the file's header; also says where the first directory is.
    pub(super) fn open(mut file: File) -> Result<(Self, u64), Failure> {
        // Everything is read by position. A decoder may not ask for a file's metadata.
        let length = file.seek(SeekFrom::End(0)).map_err(|error| unreadable(SourceFormat::Tiff, &error))?;
        let mut input = Self { file, length, little: true, big: false };
        let [order, _, version @ ..] = input.bytes::<4>(0)?;
        input.little = order == b'I';
        input.big = input.short(version) == 43;
        let first = if input.big { input.number(8, 8)? } else { input.number(4, 4)? };
        Ok((input, first))
    }

    fn bytes<const N: usize>(&self, offset: u64) -> Result<[u8; N], Failure> {
        let mut bytes = [0; N];
        self.file.read_exact_at(&mut bytes, offset).map_err(|error| unreadable(SourceFormat::Tiff, &error))?;
        Ok(bytes)
    }

    pub(super) fn short(&self, bytes: [u8; 2]) -> u16 {
        if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }
    }

    /// The unsigned number in up to 8 bytes.
    fn unsigned(&self, bytes: &[u8]) -> u64 {
        let fold = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        if self.little { bytes.iter().rev().fold(0, fold) } else { bytes.iter().fold(0, fold) }
    }

    fn number(&self, offset: u64, size: usize) -> Result<u64, Failure> {
        let mut bytes = [0; 8];
        let bytes = &mut bytes[..size];
        self.file.read_exact_at(bytes, offset).map_err(|error| unreadable(SourceFormat::Tiff, &error))?;
        Ok(self.unsigned(bytes))
    }

    /// Reads the directory at `offset` and says where the next one is, 0 for none.
    pub(super) fn directory(&self, offset: u64) -> Result<(Directory, u64), Failure> {
        /// More tags than any writer writes.
        const TAGS: u64 = 4096;
        let (count_size, entry_size, inline) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let count = self.number(offset, count_size)?;
        if count == 0 || count > TAGS {
            return Err(corrupt(SourceFormat::Tiff, format!("a directory claims to have {count} tags")));
        }
        let start = offset + count_size as u64;
        let mut bytes = vec![0; count as usize * entry_size];
        self.file.read_exact_at(&mut bytes, start).map_err(|error| unreadable(SourceFormat::Tiff, &error))?;
        let entries = bytes.chunks_exact(entry_size).map(|entry| {
            let mut value = [0; 8];
            value[..inline].copy_from_slice(&entry[entry_size - inline..]);
            Entry {
                tag: self.short([entry[0], entry[1]]),
                kind: self.short([entry[2], entry[3]]),
                count: self.unsigned(&entry[4..entry_size - inline]),
                inline: value,
            }
        });
        // A file may end right after its only directory.
        let next = self.number(start + bytes.len() as u64, inline).unwrap_or(0);
        Ok((Directory { entries: entries.collect() }, next))
    }

    /// The raw bytes of a tag's value, and the size of one item.
    fn value(&self, directory: &Directory, tag: Tag) -> Result<Option<(Vec<u8>, usize)>, Failure> {
        let Some(entry) = directory.entries.iter().find(|entry| entry.tag == tag as u16) else { return Ok(None) };
        let size: usize = match entry.kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 | 17 | 18 => 8,
            other => return Err(corrupt(SourceFormat::Tiff, format!("{tag:?} is of unknown type {other}"))),
        };
        let bytes = entry.count.checked_mul(size as u64).filter(|bytes| *bytes <= self.length);
        let bytes =
            bytes.ok_or_else(|| corrupt(SourceFormat::Tiff, format!("{tag:?} claims {} items", entry.count)))?;
        let inline = if self.big { 8 } else { 4 };
        if bytes <= inline {
            return Ok(Some((entry.inline[..bytes as usize].to_vec(), size)));
        }
        let offset = self.unsigned(&entry.inline[..inline as usize]);
        if offset.checked_add(bytes).is_none_or(|end| end > self.length) {
            return Err(corrupt(SourceFormat::Tiff, format!("{tag:?} lies beyond the end of the file")));
        }
        let mut value = vec![0; bytes as usize];
        self.file.read_exact_at(&mut value, offset).map_err(|error| unreadable(SourceFormat::Tiff, &error))?;
        Ok(Some((value, size)))
    }

    /// A tag's bytes, as they are.
    pub(super) fn raw(&self, directory: &Directory, tag: Tag) -> Result<Option<Vec<u8>>, Failure> {
        Ok(self.value(directory, tag)?.map(|(bytes, _)| bytes))
    }

    /// A tag's unsigned numbers.
    pub(super) fn numbers(&self, directory: &Directory, tag: Tag) -> Result<Option<Vec<u64>>, Failure> {
        let value = self.value(directory, tag)?;
        Ok(value.map(|(bytes, size)| bytes.chunks_exact(size).map(|item| self.unsigned(item)).collect()))
    }

    /// A tag's first number, or the standard's default.
    pub(super) fn one(&self, directory: &Directory, tag: Tag, default: u32) -> Result<u32, Failure> {
        let first = self.numbers(directory, tag)?.and_then(|numbers| numbers.first().copied());
        let Some(first) = first else { return Ok(default) };
        u32::try_from(first).map_err(|_| corrupt(SourceFormat::Tiff, format!("{tag:?} is {first}")))
    }

    /// A tag's fractions.
    pub(super) fn fractions(&self, directory: &Directory, tag: Tag) -> Result<Option<Vec<f32>>, Failure> {
        let value = self.value(directory, tag)?.filter(|(_, size)| *size == 8);
        let fraction = |item: &[u8]| self.unsigned(&item[..4]) as f32 / self.unsigned(&item[4..]) as f32;
        Ok(value.map(|(bytes, _)| bytes.chunks_exact(8).map(fraction).collect()))
    }

    /// The directory of the image itself: the first that is neither a reduced one, nor a mask.
    pub(super) fn main_directory(&self, first: u64) -> Result<Directory, Failure> {
        /// Directories looked at; a chain that bites its own tail ends here too.
        const CHAIN: usize = 64;
        let (directory, mut next) = self.directory(first)?;
        if self.is_full(&directory)? {
            return Ok(directory);
        }
        for _ in 0..CHAIN {
            if next == 0 {
                break;
            }
            let Ok((other, after)) = self.directory(next) else { break };
            if self.is_full(&other)? {
                return Ok(other);
            }
            next = after;
        }
        Ok(directory)
    }

    fn is_full(&self, directory: &Directory) -> Result<bool, Failure> {
        let reduced_or_mask = self.one(directory, Tag::NewSubfileType, 0)? & 0b101 != 0;
        let old = self.one(directory, Tag::SubfileType, 1)?;
        Ok(!reduced_or_mask && old == 1)
    }
}
