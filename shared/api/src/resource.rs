//! The JSON-LD frame around every resource.

use serde::Serialize;

use crate::Links;

/// A resource as it is sent: `@context`, `@id` and `@type`, then its fields.
#[derive(Debug, Clone, Serialize)]
pub struct Resource<T> {
    /// Where the terms are explained. Members have it too: the collection's own context knows Hydra's terms only.
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
    pub fn top(links: &Links, id: String, body: T) -> Self {
        Self { context: Some(links.context(T::NAME)), id, kind: T::TYPE, body }
    }

    /// A resource within a collection; its URL is one below a customer's.
    #[must_use]
    pub fn member(id: String, body: T) -> Self {
        let context = id.split_once("/customers/").map(|(root, _)| Links::new(root).context(T::NAME));
        Self { context, id, kind: T::TYPE, body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Success;

    impl Body for Success {
        const NAME: &'static str = "Success";
        const TYPE: &'static str = "vocab:Success";
    }

    #[test]
    fn a_member_is_explained_as_it_is_alone() {
        let links = Links::new("https://x/api");
        let url = format!("{}/spaces/1", links.customer(dlcs_model::CustomerId(2)));
        let (top, member) = (
            Resource::top(&links, url.clone(), Success { success: true }),
            Resource::member(url, Success { success: true }),
        );
        assert_eq!(serde_json::to_value(top).unwrap(), serde_json::to_value(member).unwrap());
    }
}
