//! Unsigned decimal numbers of a request: exact, bounded, never floating point.

use std::fmt;

/// Digits before the point: more than any side of an image needs.
const WHOLE_DIGITS: usize = 9;
/// Digits after the point that are read at all; clients print up to 17 of a double.
const FRACTION_DIGITS: usize = 20;
/// Digits after the point that count.
const KEPT: usize = 9;
const UNIT: u64 = 1_000_000_000;

/// A number with up to nine digits before the point and nine after it ("Floating Point Values", 3.0 §4.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Decimal(u64);

impl Decimal {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// A whole number.
    #[must_use]
    pub const fn whole(n: u32) -> Self {
        Self(n as u64 * UNIT)
    }

    /// Reads decimal digits with at most one point; `.5` and `5.` are taken, signs and exponents are not.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let digits = |s: &str, most: usize| s.len() <= most && s.bytes().all(|b| b.is_ascii_digit());
        let any = !(whole.is_empty() && fraction.is_empty());
        if !any || !digits(whole, WHOLE_DIGITS) || !digits(fraction, FRACTION_DIGITS) {
            return None;
        }
        let number = |digits: &mut dyn Iterator<Item = u8>| digits.fold(0, |n, b| n * 10 + u64::from(b - b'0'));
        let whole = number(&mut whole.bytes());
        let fraction = number(&mut fraction.bytes().chain(std::iter::repeat(b'0')).take(KEPT));
        Some(Self(whole * UNIT + fraction))
    }

    /// This many percent of `side`, rounded half up.
    #[must_use]
    pub fn percent_of(self, side: u32) -> u32 {
        let hundred = 100 * u128::from(UNIT);
        let rounded = (u128::from(side) * u128::from(self.0) + hundred / 2) / hundred;
        u32::try_from(rounded).unwrap_or(u32::MAX)
    }

    /// The number as floating point, for geometry.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / UNIT as f64
    }

    /// The number if it has nothing after the point.
    #[must_use]
    pub fn as_whole(self) -> Option<u32> {
        if self.0.is_multiple_of(UNIT) { u32::try_from(self.0 / UNIT).ok() } else { None }
    }
}

/// The recommended form: no trailing zeros, a leading zero below one, no point in a whole number.
impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0 / UNIT)?;
        match self.0 % UNIT {
            0 => Ok(()),
            rest => write!(f, ".{}", format!("{rest:09}").trim_end_matches('0')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_recommended_form() {
        let forms = [("22.50", "22.5"), (".5", "0.5"), ("007", "7"), ("3.", "3"), ("0.000000001", "0.000000001")];
        for (text, expected) in forms {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_plain_number() {
        for text in ["", ".", "+1", "-1", "1e3", "1.2.3", "1,2", " 1", "1234567890", "0.123456789012345678901", "١"] {
            assert_eq!(Decimal::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn rounds_half_up() {
        assert_eq!(Decimal::whole(50).percent_of(905), 453);
        assert_eq!(Decimal::whole(30).percent_of(848), 254);
        assert_eq!(Decimal::whole(30).percent_of(3665), 1100);
        assert_eq!(Decimal::parse("33.3333333333333333").unwrap().percent_of(3), 1);
    }
}
