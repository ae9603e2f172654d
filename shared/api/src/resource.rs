//! The JSON-LD frame around every resource.

use serde::Serialize;

/// A resource as it is sent: `@context` (only at the top), `@id` and `@type`, then its fields.
#[derive(Debug, Clone, Serialize)]
pub struct Resource<T> {
    /// Where the terms are explained; members of a collection have none of their own.
    #[serde(rename = "@context", skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The URL it can be read at.
    #[serde(rename = "@id")]
    pub id: String,
    /// `vocab:` and the type's name.
    #[serde(rename = "@type")]
    pub kind: &'static str,
    /// Its own fields.
    #[serde(flatten)]
    pub body: T,
}

/// What can be framed.
pub trait Body: Serialize {
    /// The type's name in the vocabulary.
    const NAME: &'static str;
    /// `vocab:` and the same name.
    const TYPE: &'static str;
}

impl<T: Body> Resource<T> {
    /// A resource that stands alone.
    #[must_use]
    pub fn top(links: &crate::Links, id: String, body: T) -> Self {
        Self { context: Some(links.context(T::NAME)), id, kind: T::TYPE, body }
    }

    /// A resource within a collection.
    #[must_use]
    pub fn member(id: String, body: T) -> Self {
        Self { context: None, id, kind: T::TYPE, body }
    }
}
