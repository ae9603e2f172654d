//! Neighbouring ranges become one read.

use crate::head::TileRange;

/// Bytes between two ranges that are cheaper to read than to ask again.
const GAP: u64 = 16 * 1024;
/// Bytes of one read, at most; a single range may be longer.
const LONGEST: u64 = 4 * 1024 * 1024;

/// One read and the ranges that it covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Where the read starts.
    pub offset: u64,
    /// Its bytes.
    pub length: u64,
    /// Indexes of the ranges in it.
    pub members: Vec<usize>,
}

/// The fewest reads for `ranges`, in the order of the file.
#[must_use]
pub fn spans(ranges: &[TileRange]) -> Vec<Span> {
    let mut order: Vec<usize> = (0..ranges.len()).collect();
    order.sort_unstable_by_key(|i| ranges[*i].offset);
    let mut spans: Vec<Span> = Vec::new();
    for index in order {
        let TileRange { offset, length } = ranges[index];
        let end = offset + u64::from(length);
        match spans.last_mut() {
            Some(span) if offset <= span.offset + span.length + GAP && end <= span.offset + LONGEST => {
                span.length = span.length.max(end - span.offset);
                span.members.push(index);
            }
            _ => spans.push(Span { offset, length: u64::from(length), members: vec![index] }),
        }
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_read_together() {
        let range = |offset: u64, length: u32| TileRange { offset, length };
        let found = spans(&[range(900_000, 50), range(100, 50), range(160, 40), range(150, 10)]);
        assert_eq!(found.len(), 2);
        assert_eq!(found[0], Span { offset: 100, length: 100, members: vec![1, 3, 2] });
        assert_eq!(found[1], Span { offset: 900_000, length: 50, members: vec![0] });
    }

    #[test]
    fn a_read_does_not_grow_without_end() {
        let tiles: Vec<_> = (0..100).map(|i| TileRange { offset: i * 100_000, length: 100_000 }).collect();
        let found = spans(&tiles);
        assert_eq!(found.len(), 3);
        assert_eq!(found.iter().map(|s| s.members.len()).sum::<usize>(), 100);
        assert!(found.iter().all(|s| s.length <= LONGEST));
    }
}
