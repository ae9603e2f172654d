//! What is built in and can be named: ways to talk to origins, to derive images, to make thumbnails.

use dlcs_model::limits::{THUMBNAILS, TILE_SIDE};
use serde::Serialize;

use crate::resource::Body;

/// Something built in, known by its name.
pub trait Policy: Body + Sized {
    /// All there are.
    fn all() -> Vec<Self>;

    /// Its name in URLs and requests.
    fn name(&self) -> &str;
}

/// Declares a policy's place in the vocabulary.
macro_rules! policy {
    ($type:ident, $all:expr) => {
        impl Body for $type {
            const NAME: &'static str = stringify!($type);
            const TYPE: &'static str = concat!("vocab:", stringify!($type));
        }

        impl Policy for $type {
            fn all() -> Vec<Self> {
                $all
            }

            fn name(&self) -> &str {
                &self.name
            }
        }
    };
}

/// A way to talk to an origin.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OriginStrategy {
    /// Its name in URLs and requests.
    pub name: String,
    /// Whether it needs stored credentials.
    pub requires_credentials: bool,
}

policy!(OriginStrategy, {
    let strategies = dlcs_model::OriginStrategy::ALL.iter();
    strategies.map(|s| Self { name: s.to_string(), requires_credentials: s.requires_credentials() }).collect()
});

/// A way to derive what is served.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageOptimisationPolicy {
    /// Its name in URLs.
    pub name: String,
    /// What is made.
    pub technical_details: String,
}

policy!(ImageOptimisationPolicy, {
    let technical_details = format!("A pyramid of JPEG tiles, {TILE_SIDE} pixels a side, in one TIFF file.");
    vec![Self { name: "default".to_owned(), technical_details }]
});

/// A set of thumbnails that every image gets.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ThumbnailPolicy {
    /// Its name in URLs.
    pub name: String,
    /// The long edge of each, in pixels.
    pub sizes: Vec<u32>,
}

policy!(ThumbnailPolicy, vec![Self { name: "default".to_owned(), sizes: THUMBNAILS.into_iter().rev().collect() }]);
