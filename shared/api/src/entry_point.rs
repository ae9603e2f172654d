//! Where a client begins.

use serde::Serialize;

use crate::Links;
use crate::resource::Body;

/// The fields of the entry point.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct EntryPoint {
    /// The customers that the caller may see.
    #[schema(format = "uri")]
    pub customers: String,
}

impl EntryPoint {
    /// The entry point with its links.
    #[must_use]
    pub fn new(links: &Links) -> Self {
        Self { customers: links.customers() }
    }
}

impl Body for EntryPoint {
    const NAME: &'static str = "EntryPoint";
    const TYPE: &'static str = "vocab:EntryPoint";
}
