//! The source formats we know, told apart by their bytes and never by a name.

use crate::item::word_enum;
use serde::{Deserialize, Serialize};

word_enum! {
    /// What kind of image the bytes are.
    SourceFormat {
        /// JPEG, baseline or progressive.
        Jpeg = "jpeg",
        /// PNG.
        Png = "png",
        /// TIFF or BigTIFF.
        Tiff = "tiff",
        /// WebP, lossy or lossless.
        Webp = "webp",
        /// GIF; the first frame counts.
        Gif = "gif",
        /// JPEG 2000, as a file or a bare codestream.
        Jpeg2000 = "jpeg2000",
    }
}

impl SourceFormat {
    /// How many leading bytes [`Self::sniff`] wants to see.
    pub const SNIFF_BYTES: usize = 16;

    /// Recognises a format by its leading bytes.
    #[must_use]
    pub fn sniff(head: &[u8]) -> Option<Self> {
        match head {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => Some(Self::Png),
            [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => Some(Self::Tiff),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::Webp),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            [0, 0, 0, 12, b'j', b'P', b' ', b' ', ..] | [0xFF, 0x4F, 0xFF, 0x51, ..] => Some(Self::Jpeg2000),
            _ => None,
        }
    }

    /// The registered media type.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Tiff => "image/tiff",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Jpeg2000 => "image/jp2",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What each format starts with, and no byte more.
    const MAGIC: [(&[u8], SourceFormat); 11] = [
        (b"\xFF\xD8\xFF", SourceFormat::Jpeg),
        (b"\x89PNG\r\n\x1a\n", SourceFormat::Png),
        (b"II*\0", SourceFormat::Tiff),
        (b"II+\0", SourceFormat::Tiff),
        (b"MM\0*", SourceFormat::Tiff),
        (b"MM\0+", SourceFormat::Tiff),
        (b"RIFF\x10\0\0\0WEBP", SourceFormat::Webp),
        (b"GIF87a", SourceFormat::Gif),
        (b"GIF89a", SourceFormat::Gif),
        (b"\0\0\0\x0CjP  ", SourceFormat::Jpeg2000),
        (b"\xFF\x4F\xFF\x51", SourceFormat::Jpeg2000),
    ];

    #[test]
    fn knows_what_is_none() {
        for head in [&b""[..], b"\xFF\xD8", b"<!DOCTYPE html>", b"RIFF\x10\0\0\0WAVEfmt ", b"%PDF-1.7"] {
            assert_eq!(SourceFormat::sniff(head), None);
        }
    }

    proptest! {
        #[test]
        fn each_is_known_by_its_first_bytes(which in 0..MAGIC.len(), tail in prop::collection::vec(any::<u8>(), 0..64)) {
            let (magic, format) = MAGIC[which];
            prop_assert_eq!(SourceFormat::sniff(&[magic, &tail].concat()), Some(format));
            // Cut short or changed in its first byte it is none.
            prop_assert_eq!(SourceFormat::sniff(&magic[..magic.len() - 1]), None);
            prop_assert_eq!(SourceFormat::sniff(&[&[magic[0] ^ 0x20], &magic[1..], &tail].concat()), None);
        }

        #[test]
        fn any_bytes_can_be_looked_at(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let head = &bytes[..bytes.len().min(SourceFormat::SNIFF_BYTES)];
            prop_assert_eq!(SourceFormat::sniff(&bytes), SourceFormat::sniff(head));
        }
    }
}
