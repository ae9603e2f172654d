//! The hint that an item is ready for a worker.

use dlcs_model::{BatchId, Stage};
use serde::{Deserialize, Serialize};

use crate::Unreadable;

/// "Look at this item": claiming it decides whether there is anything to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hint {
    /// The batch of the item.
    pub batch: BatchId,
    /// The item's place in it.
    pub ordinal: i32,
    /// The registration it belongs to; an older generation than the image's is dropped.
    pub generation: i64,
    /// What to do.
    pub stage: Stage,
}

/// The versions of the body; a new one is added, none is ever changed.
#[derive(Serialize, Deserialize)]
#[serde(tag = "v")]
enum Versioned {
    #[serde(rename = "1")]
    V1(Hint),
}

impl Hint {
    /// The message body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(&Versioned::V1(*self)).unwrap_or_default()
    }

    /// Reads a message body of any version that was ever published.
    ///
    /// # Errors
    /// If it is not one.
    pub fn decode(body: &[u8]) -> Result<Self, Unreadable> {
        let Versioned::V1(hint) = serde_json::from_slice(body)?;
        Ok(hint)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_ever_published_can_be_read() {
        let hint = Hint { batch: BatchId(570_185), ordinal: 12, generation: 3, stage: Stage::Process };
        assert_eq!(Hint::decode(include_bytes!("../fixtures/hint.v1.json")).unwrap(), hint);
        assert_eq!(Hint::decode(&hint.encode()).unwrap(), hint);
    }

    #[test]
    fn what_is_no_hint_is_refused() {
        for body in ["", "{}", r#"{"v":"9","batch":1,"ordinal":1,"generation":1,"stage":"fetch"}"#] {
            assert!(Hint::decode(body.as_bytes()).is_err(), "{body}");
        }
    }
}
