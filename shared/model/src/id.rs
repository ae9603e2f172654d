//! Identifiers as types, so that a space can never be passed where a customer is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

macro_rules! number_id {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl From<$inner> for $name {
            fn from(number: $inner) -> Self {
                Self(number)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                s.parse().map(Self)
            }
        }
    };
}

number_id! {
    /// A customer: a positive integer, never reused.
    CustomerId(i32)
}
number_id! {
    /// A space: a positive integer, unique within its customer, never reused.
    SpaceId(i32)
}
number_id! {
    /// A batch: a positive integer, unique across all customers.
    BatchId(i64)
}

/// An image's id within its space: 1 to 200 characters, each RFC 3986 unreserved, sub-delim, `:` or `@`;
/// neither `.` nor `..`. Always in its decoded form.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageId(String);

/// Why a string is not an [`ImageId`]. The text is meant for the person who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidImageId {
    /// No characters at all.
    #[error("an id must have at least one character")]
    Empty,
    /// More than [`ImageId::MAX_CHARS`].
    #[error("an id may have at most {max} characters, this one has {0}", max = ImageId::MAX_CHARS)]
    TooLong(usize),
    /// `.` or `..`, which URL normalisation removes.
    #[error("\"{0}\" is not usable as an id: URLs drop it")]
    DotSegment(String),
    /// A character that may not stand in an id; positions count characters from 1.
    #[error(
        "character {character:?} at position {position} is not allowed in an id; allowed are letters, digits and -._~!$&'()*+,;=:@"
    )]
    Character {
        /// The offending character.
        character: char,
        /// Its position in the id, from 1.
        position: usize,
    },
}

impl ImageId {
    /// The longest id, in characters.
    pub const MAX_CHARS: usize = 200;

    /// Checks a decoded id.
    ///
    /// # Errors
    /// The first rule of [`ImageId`] that `text` breaks.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidImageId> {
        let text = text.into();
        let bad = text.chars().enumerate().find(|(_, c)| !Self::allows(*c));
        if let Some((index, character)) = bad {
            return Err(InvalidImageId::Character { character, position: index + 1 });
        }
        match text.len() {
            0 => Err(InvalidImageId::Empty),
            n if n > Self::MAX_CHARS => Err(InvalidImageId::TooLong(n)),
            _ if text == "." || text == ".." => Err(InvalidImageId::DotSegment(text)),
            _ => Ok(Self(text)),
        }
    }

    /// A fresh id for an image that came without one: a UUID of version 7, so that ids sort by age.
    #[must_use]
    pub fn assign() -> Self {
        Self(uuid::Uuid::now_v7().to_string())
    }

    /// The id as it was given, decoded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn allows(c: char) -> bool {
        c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@".contains(c)
    }
}

impl fmt::Display for ImageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ImageId {
    type Err = InvalidImageId;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        Self::new(s)
    }
}

impl TryFrom<String> for ImageId {
    type Error = InvalidImageId;
    fn try_from(s: String) -> Result<Self, Self::Error> {
        Self::new(s)
    }
}

impl From<ImageId> for String {
    fn from(id: ImageId) -> Self {
        id.0
    }
}

/// One image of one customer, the unit that generations count. Displays as `customer/space/id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ImageKey {
    /// Who it belongs to.
    pub customer: CustomerId,
    /// The customer's space.
    pub space: SpaceId,
    /// Its id in the space.
    pub id: ImageId,
}

impl fmt::Display for ImageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.customer, self.space, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_the_character_and_its_position() {
        let error = ImageId::new("page/1").unwrap_err();
        assert_eq!(error, InvalidImageId::Character { character: '/', position: 5 });
        assert!(error.to_string().contains("'/' at position 5"));
    }

    #[test]
    fn refuses_what_a_url_cannot_carry() {
        for bad in ["", ".", "..", "a b", "a%2Db", "é", "a\\b", "a?b", "a#b", "[x]", "a\u{0}", &"x".repeat(201)] {
            assert!(ImageId::new(bad).is_err(), "{bad:?} was accepted");
        }
        for good in ["a", "...", "76677bd1-705e-4599", "a:b@c", "!$&'()*+,;=~_-.", &"x".repeat(200)] {
            assert!(ImageId::new(good).is_ok(), "{good:?} was refused");
        }
    }

    #[test]
    fn assigned_ids_are_valid_and_distinct() {
        let (a, b) = (ImageId::assign(), ImageId::assign());
        assert_ne!(a, b);
        assert_eq!(ImageId::new(a.as_str()).unwrap(), a);
    }

    proptest! {
        #[test]
        fn never_panics_and_keeps_what_it_accepts(text in any::<String>()) {
            if let Ok(id) = ImageId::new(text.clone()) {
                prop_assert_eq!(id.as_str(), text);
            }
        }
    }
}
