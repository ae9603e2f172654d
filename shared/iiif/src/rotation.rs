//! Rotation (3.0 §4.3, 2.1 §4.3).

use std::fmt;

use crate::{Decimal, RequestError};

/// Mirroring on the vertical axis, then turning clockwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rotation {
    /// Mirrored first.
    pub mirror: bool,
    /// Degrees, below 360.
    pub degrees: Decimal,
}

impl Rotation {
    /// # Errors
    /// Not `n` or `!n` with n from 0 to 360.
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        let (mirror, number) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let full = Decimal::whole(360);
        match Decimal::parse(number) {
            Some(degrees) if degrees < full => Ok(Self { mirror, degrees }),
            Some(degrees) if degrees == full => Ok(Self { mirror, degrees: Decimal::ZERO }),
            _ => Err(RequestError::malformed("rotation", text, "n, !n, with n from 0 to 360")),
        }
    }

    /// Whether nothing is turned or mirrored.
    #[must_use]
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}

impl fmt::Display for Rotation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.mirror { "!" } else { "" }, self.degrees)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_degrees_up_to_a_full_turn() {
        for (text, canonical) in [("0", "0"), ("!90", "!90"), ("22.50", "22.5"), ("360", "0"), ("!360.0", "!0")] {
            assert_eq!(Rotation::parse(text).unwrap().to_string(), canonical, "{text}");
        }
        for text in ["", "!", "-90", "360.1", "361", "!!0", "90!", "a", "1e2", "NaN"] {
            assert!(Rotation::parse(text).is_err(), "{text:?}");
        }
    }
}
