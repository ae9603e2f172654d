//! What a listing can be asked for: an order, a filter, and the place where a page begins.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::item::word_enum;
use crate::{BatchId, FailureCode, SpaceId};

/// A field that a listing can be ordered by.
pub trait Field: Copy + std::fmt::Debug + Eq + 'static {
    /// Every such field.
    const FIELDS: &'static [Self];

    /// Its name in requests.
    fn name(self) -> &'static str;
}

macro_rules! fields {
    ($($name:ident)*) => { $(
        impl Field for $name {
            const FIELDS: &'static [Self] = Self::ALL;

            fn name(self) -> &'static str {
                self.as_str()
            }
        }
    )* };
}
fields!(ImageField SpaceField BatchField);

word_enum! {
    /// What images can be ordered by. What an image does not have yet comes after all that have it.
    ImageField {
        /// The id.
        Id = "id",
        /// When it was first registered.
        Created = "created",
        /// When its last registration ended.
        Finished = "finished",
        /// Its width.
        Width = "width",
        /// Its height.
        Height = "height",
        /// Free text, by its first characters.
        String1 = "string1",
        /// Free text, by its first characters.
        String2 = "string2",
        /// Free text, by its first characters.
        String3 = "string3",
        /// Free number.
        Number1 = "number1",
        /// Free number.
        Number2 = "number2",
        /// Free number.
        Number3 = "number3",
        /// Where it is fetched from, by its first characters.
        Origin = "origin",
    }
}

word_enum! {
    /// What spaces can be ordered by.
    SpaceField {
        /// The number.
        Id = "id",
        /// The name.
        Name = "name",
        /// When it was created.
        Created = "created",
    }
}

word_enum! {
    /// What batches can be ordered by.
    BatchField {
        /// The number.
        Id = "id",
        /// When it was accepted.
        Submitted = "submitted",
        /// When its last image finished; those under way come after all that have finished.
        Finished = "finished",
    }
}

/// The field of a listing that has one order only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unordered {}

impl Field for Unordered {
    const FIELDS: &'static [Self] = &[];

    fn name(self) -> &'static str {
        match self {}
    }
}

/// An order that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Order<F> {
    /// By what.
    pub by: F,
    /// Whether the largest comes first.
    pub descending: bool,
}

/// One part of a row's place in an order. Times are microseconds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Key {
    /// A number, or a time.
    Number(i64),
    /// A text.
    Text(String),
}

impl From<i64> for Key {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<i32> for Key {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<DateTime<Utc>> for Key {
    fn from(time: DateTime<Utc>) -> Self {
        Self::Number(time.timestamp_micros())
    }
}

word_enum! {
    /// How far an image, or a batch of them, has come.
    Progress {
        /// Nobody works on it yet, or not at the moment; of a batch: none of it has ended.
        Waiting = "waiting",
        /// Somebody does; of a batch: some of it has ended, not all.
        Ingesting = "ingesting",
        /// It finished well; of a batch: all of it did.
        Ready = "ready",
        /// It finished badly; of a batch: it is finished, and some of it badly.
        Error = "error",
    }
}

/// Which images are wanted: those that agree with everything that is said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFilter {
    /// `string1` to `string3`.
    pub strings: [Option<String>; 3],
    /// `number1` to `number3`.
    pub numbers: [Option<i64>; 3],
    /// The space.
    pub space: Option<SpaceId>,
    /// Tags, all of which it has.
    pub tags: Vec<String>,
    /// The id.
    pub id: Option<String>,
    /// The batch of its last registration.
    pub batch: Option<BatchId>,
    /// How far its last registration has come.
    pub state: Option<Progress>,
    /// Why that failed.
    pub error: Option<FailureCode>,
    /// First registered later than this.
    pub created_after: Option<DateTime<Utc>>,
    /// First registered earlier than this.
    pub created_before: Option<DateTime<Utc>>,
}

/// Which batches are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BatchFilter {
    /// The client's name for it.
    pub label: Option<String>,
    /// How far it has come.
    pub state: Option<Progress>,
}
