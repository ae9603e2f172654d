//! Good images made bad: bits, numbers, pieces.

use crate::dice::Dice;
use crate::files;

/// Numbers at which code goes wrong.
const BOUNDARIES: [u64; 16] = [
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x1_0000,
    0x7FFF_FFFF,
    0x8000_0000,
    0xFFFF_FFF0,
    0xFFFF_FFFF,
    u64::MAX,
];

/// A mutant of `seed`, which may get pieces of `other`. The same number makes the same mutant.
pub fn mutant(number: u64, seed: &[u8], other: &[u8]) -> Vec<u8> {
    let mut dice = Dice::new(number);
    let mut bytes = seed.to_vec();
    for _ in 0..*dice.pick(&[1, 1, 1, 2, 3, 8]) {
        change(&mut dice, &mut bytes, other);
        if bytes.is_empty() {
            return bytes;
        }
    }
    // With its checksums right a PNG gets further.
    if dice.below(4) > 0 {
        files::mend_png(&mut bytes);
    }
    bytes
}

fn change(dice: &mut Dice, bytes: &mut Vec<u8>, other: &[u8]) {
    let at = place(dice, bytes.len());
    match dice.below(9) {
        0 => bytes[at] ^= 1 << dice.below(8),
        1 => bytes[at] = *dice.pick(&[0, 1, 0x7F, 0x80, 0xFE, 0xFF]),
        2 => bytes[at] = dice.below(256) as u8,
        3 | 4 => number(dice, bytes, at),
        5 => drop(bytes.drain(piece(dice, at, bytes.len()))),
        6 => {
            let again = bytes[piece(dice, at, bytes.len())].to_vec();
            drop(bytes.splice(at..at, again));
        }
        7 => {
            let from = place(dice, other.len());
            let strange = other[piece(dice, from, other.len())].to_vec();
            let end = if dice.below(2) == 0 { at } else { (at + strange.len()).min(bytes.len()) };
            drop(bytes.splice(at..end, strange));
        }
        _ => bytes.truncate(at),
    }
}

/// Where something changes: as often in the header as anywhere.
fn place(dice: &mut Dice, length: usize) -> usize {
    let reach = *dice.pick(&[64, 300, usize::MAX, usize::MAX]);
    dice.below(length.min(reach))
}

/// A few bytes or many, from `at` on.
fn piece(dice: &mut Dice, at: usize, length: usize) -> std::ops::Range<usize> {
    let reach = *dice.pick(&[4, 16, 64, 1024, usize::MAX]);
    at..at + 1 + dice.below((length - at).min(reach))
}

/// Overwrites a number of 2, 4 or 8 bytes, in either order, with one that is extreme, or close to what was there.
fn number(dice: &mut Dice, bytes: &mut [u8], at: usize) {
    let size = (*dice.pick(&[2, 4, 4, 8])).min(bytes.len() - at);
    let field = &mut bytes[at..at + size];
    let little = dice.below(2) == 0;
    let fold = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    let old = if little { field.iter().rev().fold(0, fold) } else { field.iter().fold(0, fold) };
    let value = match dice.below(4) {
        0 => old.wrapping_add(1),
        1 => old.wrapping_sub(1),
        _ => *dice.pick(&BOUNDARIES),
    };
    if little {
        field.copy_from_slice(&value.to_le_bytes()[..size]);
    } else {
        field.copy_from_slice(&value.to_be_bytes()[8 - size..]);
    }
}
