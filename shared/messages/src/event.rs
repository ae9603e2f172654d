//! What the system tells whoever listens, after it has become true in Postgres.

use dlcs_model::{BatchId, FailureCode, ImageKey};
use serde::{Deserialize, Serialize};

use crate::Unreadable;

/// Something that has happened. Listeners must bear repeats and gaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// An item reached its end; its image has a new service, or keeps what it had.
    ImageFinished {
        /// Which image.
        image: ImageKey,
        /// Which registration of it.
        generation: i64,
        /// The batch, also of an immediate registration.
        batch: BatchId,
        /// Absent if it finished well.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<FailureCode>,
    },
    /// An image's service is gone or has changed: forget what is cached of it.
    ImageChanged {
        /// Which image.
        image: ImageKey,
    },
    /// All items of a batch have ended.
    BatchFinished {
        /// Which batch.
        batch: BatchId,
    },
}

impl Event {
    /// The message body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Reads a message body.
    ///
    /// # Errors
    /// If it is no event.
    pub fn decode(body: &[u8]) -> Result<Self, Unreadable> {
        Ok(serde_json::from_slice(body)?)
    }

    /// The routing key in the events exchange.
    #[must_use]
    pub fn routing_key(&self) -> &'static str {
        match self {
            Self::ImageFinished { .. } => "image.finished",
            Self::ImageChanged { .. } => "image.changed",
            Self::BatchFinished { .. } => "batch.finished",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_ever_published_can_be_read() {
        let stored: Vec<Event> = serde_json::from_str(include_str!("../fixtures/events.v1.json")).unwrap();
        assert_eq!(stored.len(), 4);
        for event in stored {
            assert_eq!(Event::decode(&event.encode()).unwrap(), event);
        }
    }
}
