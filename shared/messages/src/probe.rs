//! The question whether an origin can be read, which is answered by whoever may dial it, and the answer.

use dlcs_model::{CustomerId, FailureCode};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Unreadable;

/// "Could you read this origin for this customer?"
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Whose strategies apply.
    pub customer: CustomerId,
    /// Where.
    pub origin: String,
}

/// The answer to a [`Probe`]. None of the bytes are in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probed {
    /// The customer's strategy that applies; none for the way anyone would go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub strategy: Option<Uuid>,
    /// What was found.
    pub found: Found,
}

/// What a probe found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Found {
    /// The first bytes can be read.
    Readable {
        /// How many there are, if the origin says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        bytes: Option<u64>,
        /// What the origin says they are.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media_type: Option<String>,
    },
    /// They cannot.
    Failed {
        /// Why.
        code: FailureCode,
        /// In a sentence.
        detail: String,
    },
}

/// The versions of the bodies; a new one is added, none is ever changed.
#[derive(Serialize, Deserialize)]
#[serde(tag = "v")]
enum Versioned<T> {
    #[serde(rename = "1")]
    V1(T),
}

macro_rules! message {
    ($type:ident) => {
        impl $type {
            /// The message body.
            #[must_use]
            pub fn encode(&self) -> Vec<u8> {
                serde_json::to_vec(&Versioned::V1(self)).unwrap_or_default()
            }

            /// Reads a message body of any version that was ever published.
            ///
            /// # Errors
            /// If it is not one.
            pub fn decode(body: &[u8]) -> Result<Self, Unreadable> {
                let Versioned::V1(message) = serde_json::from_slice(body)?;
                Ok(message)
            }
        }
    };
}

message!(Probe);
message!(Probed);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_ever_published_can_be_read() {
        let probe = Probe { customer: CustomerId(7), origin: "sftp://masters.example.org/a.tif".to_owned() };
        assert_eq!(Probe::decode(include_bytes!("../fixtures/probe.v1.json")).unwrap(), probe);
        assert_eq!(Probe::decode(&probe.encode()).unwrap(), probe);
        let found = Found::Readable { bytes: Some(12), media_type: Some("image/tiff".to_owned()) };
        let failed = Found::Failed { code: FailureCode::BadCredentials, detail: "no".to_owned() };
        let stored: Vec<serde_json::Value> = serde_json::from_str(include_str!("../fixtures/probed.v1.json")).unwrap();
        let expected = [Probed { strategy: Some(Uuid::from_u128(7)), found }, Probed { strategy: None, found: failed }];
        for (stored, expected) in stored.iter().zip(expected) {
            assert_eq!(Probed::decode(stored.to_string().as_bytes()).unwrap(), expected);
            assert_eq!(Probed::decode(&expected.encode()).unwrap(), expected);
        }
    }
}
