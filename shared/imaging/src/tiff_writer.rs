//! Writes the head of a derivative. Its length depends on the image's size only, so that room for it is left at the start of
//! the file and it is written last, when all tiles have their places.

use dlcs_jpeg::Sampling;
use dlcs_model::limits::TILE_SIDE;

use crate::geometry;
use crate::head::{LevelIndex, PRIVATE_MARK, TileRange, tag};

/// One pyramid of the file.
pub(crate) struct Chain<'a> {
    /// How its tiles are encoded.
    pub sampling: Sampling,
    /// Whether it is the alpha plane.
    pub alpha: bool,
    /// Its levels, full size first.
    pub levels: &'a [LevelIndex],
}

/// Whether the file may pass 4 GB, where a classic TIFF ends. Pixels that compress badly take about 1 byte with colour for
/// 2x2 of them and about 3 with colour for each.
pub(crate) fn needs_big(width: u32, height: u32, sampling: Sampling) -> bool {
    let side = u64::from(TILE_SIDE);
    let tiles: u64 = geometry::levels(width, height)
        .iter()
        .map(|l| u64::from(l.columns()) * u64::from(l.rows()) + u64::from(l.columns()) + u64::from(l.rows()))
        .sum();
    let bytes = match sampling {
        Sampling::Gray | Sampling::Half => 2,
        Sampling::Full => 4,
    };
    tiles * side * side * bytes > u64::from(u32::MAX)
}

/// The values of an entry.
enum Values {
    Short(Vec<u16>),
    Long(Vec<u32>),
    Offsets(Vec<u64>),
}

/// The whole head. With indexes that are still empty it has the same length.
pub(crate) fn head(chains: &[Chain<'_>], big: bool) -> Vec<u8> {
    let mut out = Vec::new();
    if big {
        out.extend_from_slice(b"II\x2B\0\x08\0\0\0");
    } else {
        out.extend_from_slice(b"II\x2A\0");
    }
    let mut link = out.len();
    put_offset(&mut out, 0, big);
    out.extend_from_slice(PRIVATE_MARK);
    let mut private_link = out.len();
    put_offset(&mut out, 0, big);
    for chain in chains {
        for index in chain.levels {
            if chain.alpha {
                let mut entries = level_entries(chain, index);
                entries.extend(twin_entries(index));
                entries.push((tag::ALPHA, Values::Short(vec![1])));
                private_link = directory(&mut out, private_link, &entries, big);
            } else {
                link = directory(&mut out, link, &level_entries(chain, index), big);
                private_link = directory(&mut out, private_link, &twin_entries(index), big);
            }
        }
    }
    out
}

/// The entries of a level, in the ascending order that TIFF demands.
fn level_entries(chain: &Chain<'_>, index: &LevelIndex) -> Vec<(u16, Values)> {
    let reduced = u32::from(index.level.index > 0);
    let components = chain.sampling.components();
    let colour = components > 1;
    let mut entries = vec![
        (tag::NEW_SUBFILE_TYPE, Values::Long(vec![if chain.alpha { 4 | 1 } else { reduced }])),
        (tag::IMAGE_WIDTH, Values::Long(vec![index.level.width])),
        (tag::IMAGE_LENGTH, Values::Long(vec![index.level.height])),
        (tag::BITS_PER_SAMPLE, Values::Short(vec![8; components])),
        (tag::COMPRESSION, Values::Short(vec![7])),
        (tag::PHOTOMETRIC, Values::Short(vec![if colour { 6 } else { 1 }])),
        (tag::SAMPLES_PER_PIXEL, Values::Short(vec![if colour { 3 } else { 1 }])),
        (tag::PLANAR_CONFIGURATION, Values::Short(vec![1])),
        (tag::TILE_WIDTH, Values::Long(vec![TILE_SIDE])),
        (tag::TILE_LENGTH, Values::Long(vec![TILE_SIDE])),
        (tag::TILE_OFFSETS, offsets(&index.tiles)),
        (tag::TILE_BYTE_COUNTS, lengths(&index.tiles)),
    ];
    if colour {
        let divisor = if chain.sampling == Sampling::Half { 2 } else { 1 };
        entries.push((tag::YCBCR_SUBSAMPLING, Values::Short(vec![divisor; 2])));
        entries.push((tag::YCBCR_POSITIONING, Values::Short(vec![1])));
    }
    entries
}

fn twin_entries(index: &LevelIndex) -> [(u16, Values); 2] {
    [(tag::TWIN_OFFSETS, offsets(&index.twins)), (tag::TWIN_BYTE_COUNTS, lengths(&index.twins))]
}

fn offsets(ranges: &[TileRange]) -> Values {
    Values::Offsets(ranges.iter().map(|range| range.offset).collect())
}

fn lengths(ranges: &[TileRange]) -> Values {
    Values::Long(ranges.iter().map(|range| range.length).collect())
}

/// Appends a directory and, behind it, the arrays that do not fit into its entries. Lets the link at `previous` lead to it, and
/// returns where its own link to the next is.
fn directory(out: &mut Vec<u8>, previous: usize, entries: &[(u16, Values)], big: bool) -> usize {
    out.resize(out.len().next_multiple_of(8), 0);
    let at = out.len() as u64;
    patch_offset(out, previous, at, big);
    let (count_bytes, entry_bytes, offset_bytes) = if big { (8, 20, 8) } else { (2, 12, 4) };
    out.extend_from_slice(&(entries.len() as u64).to_le_bytes()[..count_bytes]);
    let link = out.len() + entries.len() * entry_bytes;
    let mut arrays = Vec::new();
    let arrays_at = (link + offset_bytes).next_multiple_of(8);
    for (tag, values) in entries {
        let (kind, count, bytes) = serialised(values, big);
        out.extend_from_slice(&tag.to_le_bytes());
        out.extend_from_slice(&kind.to_le_bytes());
        put_offset(out, count as u64, big);
        if bytes.len() <= offset_bytes {
            let end = out.len() + offset_bytes;
            out.extend_from_slice(&bytes);
            out.resize(end, 0);
        } else {
            put_offset(out, (arrays_at + arrays.len()) as u64, big);
            arrays.extend_from_slice(&bytes);
            arrays.resize(arrays.len().next_multiple_of(8), 0);
        }
    }
    put_offset(out, 0, big);
    out.resize(arrays_at, 0);
    out.extend_from_slice(&arrays);
    link
}

/// The type, the count and the bytes of an entry's values.
fn serialised(values: &Values, big: bool) -> (u16, usize, Vec<u8>) {
    match values {
        Values::Short(numbers) => (3, numbers.len(), numbers.iter().flat_map(|n| n.to_le_bytes()).collect()),
        Values::Long(numbers) => (4, numbers.len(), numbers.iter().flat_map(|n| n.to_le_bytes()).collect()),
        Values::Offsets(numbers) => {
            let mut bytes = Vec::new();
            numbers.iter().for_each(|&number| put_offset(&mut bytes, number, big));
            (if big { 16 } else { 4 }, numbers.len(), bytes)
        }
    }
}

/// Appends a number as wide as an offset of the format.
fn put_offset(out: &mut Vec<u8>, number: u64, big: bool) {
    out.extend_from_slice(&number.to_le_bytes()[..if big { 8 } else { 4 }]);
}

fn patch_offset(out: &mut [u8], at: usize, number: u64, big: bool) {
    let width = if big { 8 } else { 4 };
    out[at..at + width].copy_from_slice(&number.to_le_bytes()[..width]);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::head::Head;

    /// Indexes whose ranges say which tile they are of.
    fn indexes(width: u32, height: u32) -> Vec<LevelIndex> {
        let mut counter = 0;
        let mut number = || {
            counter += 1;
            TileRange { offset: 1_000_000 + u64::from(counter) * 10, length: counter }
        };
        geometry::levels(width, height)
            .into_iter()
            .map(|level| {
                let mut index = LevelIndex::empty(level);
                index.tiles.iter_mut().chain(&mut index.twins).for_each(|range| *range = number());
                index
            })
            .collect()
    }

    fn both(width: u32, height: u32, big: bool) -> (Vec<LevelIndex>, Vec<u8>) {
        let levels = indexes(width, height);
        let colour = Chain { sampling: Sampling::Half, alpha: false, levels: &levels };
        let alpha = Chain { sampling: Sampling::Gray, alpha: true, levels: &levels };
        let head = head(&[colour, alpha], big);
        (levels, head)
    }

    #[test]
    fn what_is_written_is_read() {
        for (width, height) in [(1, 1), (512, 512), (513, 40), (2500, 3500)] {
            for big in [false, true] {
                let (levels, bytes) = both(width, height, big);
                let head = Head::parse(&bytes).unwrap();
                assert_eq!((head.width(), head.height(), head.levels()), (width, height, levels.len() as u32));
                assert!(head.has_alpha() && !head.is_gray());
                for index in &levels {
                    let (last_column, last_row) = (index.level.columns() - 1, index.level.rows() - 1);
                    let at = |column, row| head.tile(index.level.index, column, row);
                    assert_eq!(at(last_column, 0), Some(index.twins[0]));
                    assert_eq!(at(last_column, last_row), Some(index.twins[last_row as usize]));
                    if last_column > 0 {
                        assert_eq!(at(0, last_row), Some(index.twins[last_row as usize + 1]));
                    }
                    if last_column > 0 && last_row > 0 {
                        assert_eq!(at(0, 0), Some(index.tiles[0]));
                    }
                    assert_eq!(at(last_column + 1, 0), None);
                    assert_eq!(at(0, last_row + 1), None);
                    assert_eq!(head.alpha_tile(index.level.index, 0, 0), at(0, 0));
                }
                assert_eq!(head.tile(levels.len() as u32, 0, 0), None);
            }
        }
    }

    #[test]
    fn the_length_is_known_beforehand() {
        let (levels, bytes) = both(2500, 3500, false);
        let empty: Vec<_> = levels.iter().map(|index| LevelIndex::empty(index.level)).collect();
        let chain = |alpha, sampling| Chain { sampling, alpha, levels: &empty };
        let before = head(&[chain(false, Sampling::Half), chain(true, Sampling::Gray)], false);
        assert_eq!(before.len(), bytes.len());
    }

    #[test]
    fn huge_images_get_the_big_format() {
        assert!(!needs_big(20_000, 20_000, Sampling::Half));
        assert!(needs_big(65_500, 30_000, Sampling::Half));
    }

    #[test]
    fn short_heads_are_refused() {
        let (_, bytes) = both(2500, 3500, true);
        for length in 0..bytes.len() - 8 {
            assert!(Head::parse(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
        }
    }

    const EXTREMES: [u64; 12] =
        [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFF_FFFF, 0xFFFF_FFF8, 0xFFFF_FFFF, 1 << 32, u64::MAX >> 1, u64::MAX];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn damaged_heads_do_no_harm(big: bool, edits in prop::collection::vec((any::<usize>(), any::<u8>()), 1..12)) {
            let (_, mut bytes) = both(1300, 700, big);
            for (at, byte) in edits {
                let at = at % bytes.len();
                bytes[at] = byte;
            }
            if let Ok(head) = Head::parse(&bytes) {
                let _ = (head.tile(0, 2, 1), head.alpha_tile(9, 9, 9), head.ranges().count());
            }
        }

        /// Counts, offsets and sizes at their extremes, where a byte alone seldom leads.
        #[test]
        fn extreme_numbers_in_heads_do_no_harm(
            big: bool,
            edits in prop::collection::vec((any::<usize>(), 0..EXTREMES.len(), 0..3_u32), 1..6),
        ) {
            let (_, mut bytes) = both(1300, 700, big);
            for (at, number, width) in edits {
                let width = 2 << width;
                let at = at % (bytes.len() - width);
                bytes[at..at + width].copy_from_slice(&EXTREMES[number].to_le_bytes()[..width]);
            }
            if let Ok(head) = Head::parse(&bytes) {
                // A range takes 16 bytes, and at least 4 + 4 in the file; each directory could name the same ones.
                prop_assert!(head.ranges().count() <= bytes.len());
                let _ = (head.tile(0, 2, 1), head.tile(u32::MAX, u32::MAX, u32::MAX), head.alpha_tile(0, 0, 0));
            }
        }

        #[test]
        fn noise_is_no_head(mut bytes in prop::collection::vec(any::<u8>(), 0..400), big: bool) {
            let start: &[u8] = if big { b"II\x2B\0\x08\0\0\0" } else { b"II\x2A\0" };
            let length = start.len().min(bytes.len());
            bytes[..length].copy_from_slice(&start[..length]);
            prop_assert!(Head::parse(&bytes).is_err());
        }
    }
}
