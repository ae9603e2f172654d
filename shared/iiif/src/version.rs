//! The two versions of the Image API that are spoken.

/// A version of the IIIF Image API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// 2.1 (and 2.0, whose requests are all valid in 2.1).
    V2,
    /// 3.0.
    V3,
}

impl Version {
    /// URI of the JSON-LD context of the information document.
    #[must_use]
    pub fn context(self) -> &'static str {
        match self {
            Self::V2 => "http://iiif.io/api/image/2/context.json",
            Self::V3 => "http://iiif.io/api/image/3/context.json",
        }
    }

    /// Media type of the information document when JSON-LD is wanted.
    #[must_use]
    pub fn json_ld(self) -> &'static str {
        match self {
            Self::V2 => "application/ld+json",
            Self::V3 => "application/ld+json;profile=\"http://iiif.io/api/image/3/context.json\"",
        }
    }
}
