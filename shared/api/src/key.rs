//! An API key as it is read.

use serde::Serialize;

use crate::Timestamp;
use crate::resource::Body;

/// The fields of an API key.
#[derive(Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Key {
    /// The user name of HTTP Basic.
    pub key: String,
    /// The password; only in the answer to its creation, never again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// When it was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<Timestamp>,
    /// When it was last used, to about a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Timestamp>,
}

impl Body for Key {
    const NAME: &'static str = "Key";
    const TYPE: &'static str = "vocab:Key";
}
