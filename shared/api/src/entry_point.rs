//! Where a client begins.

use serde::Serialize;

use crate::Links;
use crate::resource::Body;

/// The fields of the entry point.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EntryPoint {
    /// The customers that the caller may see.
    #[schema(format = "uri")]
    pub customers: String,
    /// The built-in ways to talk to an origin.
    #[schema(format = "uri")]
    pub origin_strategies: String,
    /// The built-in ways to derive what is served.
    #[schema(format = "uri")]
    pub image_optimisation_policies: String,
    /// The built-in sets of thumbnails.
    #[schema(format = "uri")]
    pub thumbnail_policies: String,
    /// The vocabulary, as a Hydra ApiDocumentation.
    #[schema(format = "uri")]
    pub documentation: String,
}

impl EntryPoint {
    /// The entry point with its links.
    #[must_use]
    pub fn new(links: &Links) -> Self {
        Self {
            customers: links.customers(),
            origin_strategies: links.built_in_origin_strategies(),
            image_optimisation_policies: links.image_optimisation_policies(),
            thumbnail_policies: links.thumbnail_policies(),
            documentation: links.vocabulary(),
        }
    }
}

impl Body for EntryPoint {
    const NAME: &'static str = "EntryPoint";
    const TYPE: &'static str = "vocab:EntryPoint";
}
