//! Region (3.0 §4.1, 2.1 §4.1).

use std::fmt;

use crate::error::pixels;
use crate::{Decimal, RequestError};

/// A rectangle of the image in pixels of its full size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rect {
    /// Pixels from the left.
    pub x: u32,
    /// Pixels from the top.
    pub y: u32,
    /// Pixels across, at least 1.
    pub width: u32,
    /// Pixels down, at least 1.
    pub height: u32,
}

impl fmt::Display for Rect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { x, y, width, height } = self;
        write!(f, "{x},{y},{width},{height}")
    }
}

/// The part of the image that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Region {
    /// All of it.
    Full,
    /// The largest square, centred.
    Square,
    /// `x,y,w,h`.
    Pixels([u32; 4]),
    /// `pct:x,y,w,h`.
    Percent([Decimal; 4]),
}

impl Region {
    /// # Errors
    /// `text` is in none of the forms.
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        let parsed = match text {
            "full" => Some(Self::Full),
            "square" => Some(Self::Square),
            _ => match text.strip_prefix("pct:") {
                Some(numbers) => four(numbers, Decimal::parse).map(Self::Percent),
                None => four(text, pixels).map(Self::Pixels),
            },
        };
        parsed.ok_or_else(|| RequestError::malformed("region", text, "full, square, x,y,w,h, pct:x,y,w,h"))
    }

    /// The pixels meant in an image of `width` x `height`, cut at the image's edges.
    ///
    /// # Errors
    /// The region is empty or wholly outside.
    pub fn resolve(&self, width: u32, height: u32) -> Result<Rect, RequestError> {
        let [x, y, w, h] = match *self {
            Self::Full => [0, 0, width, height],
            Self::Square => {
                let side = width.min(height);
                [(width - side) / 2, (height - side) / 2, side, side]
            }
            Self::Pixels(numbers) => numbers,
            Self::Percent([x, y, w, h]) => [offset(x, width), offset(y, height), extent(w, width), extent(h, height)],
        };
        if w == 0 || h == 0 || x >= width || y >= height {
            return Err(RequestError::OutsideImage { width, height });
        }
        Ok(Rect { x, y, width: w.min(width - x), height: h.min(height - y) })
    }
}

/// Rounding must not push a start below 100 % out of the image.
fn offset(percent: Decimal, side: u32) -> u32 {
    if percent < Decimal::whole(100) { percent.percent_of(side).min(side - 1) } else { side }
}

/// Rounding must not make nothing of something.
fn extent(percent: Decimal, side: u32) -> u32 {
    if percent == Decimal::ZERO { 0 } else { percent.percent_of(side).max(1) }
}

fn four<T>(text: &str, parse: impl Fn(&str) -> Option<T>) -> Option<[T; 4]> {
    let mut parts = text.split(',').map(parse);
    let four = [parts.next()??, parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(four)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rect(text: &str) -> String {
        Region::parse(text).unwrap().resolve(300, 200).map_or_else(|e| e.status().to_string(), |r| r.to_string())
    }

    #[test]
    fn resolves_to_pixels() {
        let table = [
            ("full", "0,0,300,200"),
            ("square", "50,0,200,200"),
            ("125,15,120,140", "125,15,120,140"),
            ("125,15,200,200", "125,15,175,185"),
            ("pct:41.6,7.5,40,70", "125,15,120,140"),
            ("pct:41.6,7.5,66.6,100", "125,15,175,185"),
            ("pct:99.99,99.99,0.01,0.01", "299,199,1,1"),
            ("299,199,1,1", "299,199,1,1"),
            ("300,0,10,10", "400"),
            ("0,200,10,10", "400"),
            ("0,0,0,10", "400"),
            ("pct:100,0,10,10", "400"),
            ("pct:0,0,0,10", "400"),
        ];
        for (text, expected) in table {
            assert_eq!(rect(text), expected, "{text}");
        }
    }

    #[test]
    fn refuses_other_forms() {
        let bad = [
            "",
            "FULL",
            "0,0,1",
            "0,0,1,1,1",
            "-1,0,1,1",
            "1.5,0,1,1",
            "pct:",
            "pct:0,0,1",
            "0, 0,1,1",
            "4294967296,0,1,1",
        ];
        for text in bad {
            assert!(Region::parse(text).is_err(), "{text:?}");
        }
    }
}
