//! Qualities and formats (3.0 §4.4 and §4.5, 2.1 §4.4 and §4.5).

use crate::RequestError;

/// What becomes of the colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quality {
    /// As stored.
    Default,
    /// With all colours there are, which is what is stored.
    Color,
    /// Shades of grey.
    Gray,
    /// Black and white.
    Bitonal,
}

/// How the answer is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// JPEG.
    Jpg,
    /// PNG.
    Png,
    /// WebP.
    Webp,
    /// TIFF.
    Tif,
    /// GIF.
    Gif,
}

impl Quality {
    /// Every quality.
    pub const ALL: [Self; 4] = [Self::Default, Self::Color, Self::Gray, Self::Bitonal];

    /// As in a path.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Color => "color",
            Self::Gray => "gray",
            Self::Bitonal => "bitonal",
        }
    }

    /// # Errors
    /// `text` is no quality.
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        let found = Self::ALL.into_iter().find(|q| q.name() == text);
        found.ok_or_else(|| RequestError::malformed("quality", text, "default, color, gray, bitonal"))
    }
}

impl Format {
    /// Every format, the preferred one first.
    pub const ALL: [Self; 5] = [Self::Jpg, Self::Png, Self::Webp, Self::Tif, Self::Gif];

    /// As in a path.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpg => "jpg",
            Self::Png => "png",
            Self::Webp => "webp",
            Self::Tif => "tif",
            Self::Gif => "gif",
        }
    }

    /// Its media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpg => "image/jpeg",
            Self::Png => "image/png",
            Self::Webp => "image/webp",
            Self::Tif => "image/tiff",
            Self::Gif => "image/gif",
        }
    }

    /// # Errors
    /// `text` is no format that is offered; the Image API wants 400 for known and unknown ones alike.
    pub fn parse(text: &str) -> Result<Self, RequestError> {
        let found = Self::ALL.into_iter().find(|f| f.extension() == text);
        found.ok_or_else(|| RequestError::malformed("format", text, "jpg, png, webp, tif, gif"))
    }
}
