//! How stored pixels must be turned to stand upright (EXIF and TIFF tag 274).

/// The eight ways an image can be stored, named by what makes it upright.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Orientation {
    /// 1: it stands upright already.
    #[default]
    Upright,
    /// 2: mirror it left to right.
    Mirror,
    /// 3: turn it by 180 degrees.
    Half,
    /// 4: mirror it top to bottom.
    Flip,
    /// 5: swap rows and columns.
    Transpose,
    /// 6: turn it by 90 degrees clockwise.
    Clockwise,
    /// 7: swap rows and columns, then turn it by 180 degrees.
    Transverse,
    /// 8: turn it by 90 degrees counterclockwise.
    Counterclockwise,
}

impl Orientation {
    /// Every orientation, in the order of its tag value.
    pub const ALL: [Self; 8] = [
        Self::Upright,
        Self::Mirror,
        Self::Half,
        Self::Flip,
        Self::Transpose,
        Self::Clockwise,
        Self::Transverse,
        Self::Counterclockwise,
    ];

    /// The orientation of a tag's value. A value that means nothing is taken as upright, as every viewer does.
    #[must_use]
    pub fn of_tag(value: u32) -> Self {
        let index = (value as usize).wrapping_sub(1);
        Self::ALL.get(index).copied().unwrap_or_default()
    }

    /// Whether rows and columns change places.
    #[must_use]
    pub fn swaps(self) -> bool {
        matches!(self, Self::Transpose | Self::Clockwise | Self::Transverse | Self::Counterclockwise)
    }

    /// Whether the upright rows come in the stored order, so that no row must wait for a later one.
    #[must_use]
    pub fn streams(self) -> bool {
        matches!(self, Self::Upright | Self::Mirror)
    }

    /// The upright size of an image stored as `width` x `height`.
    #[must_use]
    pub fn upright(self, width: u32, height: u32) -> (u32, u32) {
        if self.swaps() { (height, width) } else { (width, height) }
    }

    /// Where upright pixels are in a stored image of `width` x `height`.
    fn walk(self, width: usize, height: usize) -> Walk {
        let (w, h) = (width.cast_signed(), height.cast_signed());
        let (right, bottom) = (w - 1, (h - 1) * w);
        let (start, across, down) = match self {
            Self::Upright => (0, 1, w),
            Self::Mirror => (right, -1, w),
            Self::Half => (bottom + right, -1, -w),
            Self::Flip => (bottom, 1, -w),
            Self::Transpose => (0, w, 1),
            Self::Clockwise => (bottom, -w, 1),
            Self::Transverse => (bottom + right, -w, -1),
            Self::Counterclockwise => (right, w, -1),
        };
        Walk { start, across, down }
    }

    /// Copies upright rows out of a stored image: rows `first..` fill `rows`, which holds whole rows of the upright image.
    ///
    /// `stored` is `width` x `height` pixels of `pixel` bytes.
    pub fn copy_rows(self, stored: &Stored<'_>, first: usize, rows: &mut [u8]) {
        match stored.pixel {
            1 => self.copy_pixels::<1>(stored, first, rows),
            2 => self.copy_pixels::<2>(stored, first, rows),
            3 => self.copy_pixels::<3>(stored, first, rows),
            4 => self.copy_pixels::<4>(stored, first, rows),
            other => debug_assert!(false, "pixels of {other} bytes"),
        }
    }

    fn copy_pixels<const N: usize>(self, stored: &Stored<'_>, first: usize, rows: &mut [u8]) {
        let walk = self.walk(stored.width, stored.height);
        let width = if self.swaps() { stored.height } else { stored.width };
        let (source, _) = stored.pixels.as_chunks::<N>();
        let (target, _) = rows.as_chunks_mut::<N>();
        let count = target.len() / width;
        let at = |x: usize, y: usize| {
            (walk.start + x.cast_signed() * walk.across + (first + y).cast_signed() * walk.down).cast_unsigned()
        };
        if self.swaps() {
            // Stored rows are upright columns: going down a column first reads memory in its order.
            for x in 0..width {
                for y in 0..count {
                    target[y * width + x] = source[at(x, y)];
                }
            }
        } else {
            for y in 0..count {
                for x in 0..width {
                    target[y * width + x] = source[at(x, y)];
                }
            }
        }
    }
}

/// A whole stored image.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a> {
    /// Row by row, without gaps.
    pub pixels: &'a [u8],
    /// Pixels across, as stored.
    pub width: usize,
    /// Pixels down, as stored.
    pub height: usize,
    /// Bytes of a pixel, 1 to 4.
    pub pixel: usize,
}

/// Steps through the stored pixels, in pixels.
struct Walk {
    /// The upright image's first pixel.
    start: isize,
    /// From one upright pixel to the next on its right.
    across: isize,
    /// From one upright pixel to the next below.
    down: isize,
}

/// The orientation named in EXIF data: the body of a JPEG's APP1 segment (with its `Exif\0\0`) or the bare TIFF structure
/// that PNG and WebP carry. Anything unreadable is upright.
#[must_use]
pub fn of_exif(exif: &[u8]) -> Orientation {
    find_tag(exif.strip_prefix(b"Exif\0\0").unwrap_or(exif)).map_or_else(Orientation::default, Orientation::of_tag)
}

/// The value of tag 274 in the first directory of a TIFF structure.
fn find_tag(tiff: &[u8]) -> Option<u32> {
    let little = match tiff.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| -> Option<u16> {
        let bytes = tiff.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let offset = tiff.get(4..8)?.try_into().ok()?;
    let offset = if little { u32::from_le_bytes(offset) } else { u32::from_be_bytes(offset) } as usize;
    let entries = usize::from(short(offset)?);
    let entry = (0..entries).map(|n| offset + 2 + n * 12).find(|at| short(*at) == Some(274))?;
    // The only type the standard allows is SHORT.
    (short(entry + 2)? == 3).then(|| short(entry + 8))?.map(u32::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Stored pixels of the upright image
    /// ```text
    /// a b c
    /// d e f
    /// ```
    const STORED: [(&str, usize); 8] = [
        ("abcdef", 3),
        ("cbafed", 3),
        ("fedcba", 3),
        ("defabc", 3),
        ("adbecf", 2),
        ("cfbead", 2),
        ("fcebda", 2),
        ("daebfc", 2),
    ];

    #[test]
    fn every_orientation_comes_out_upright() {
        for (orientation, (stored, width)) in Orientation::ALL.into_iter().zip(STORED) {
            for pixel in 1..=4 {
                let pixels: Vec<u8> = stored.bytes().flat_map(|b| (0..pixel).map(move |n| b + n * 32)).collect();
                let pixel = usize::from(pixel);
                let stored = Stored { pixels: &pixels, width, height: 6 / width, pixel };
                let mut upright = vec![0; pixels.len()];
                let (first, second) = upright.split_at_mut(3 * pixel);
                orientation.copy_rows(&stored, 0, first);
                orientation.copy_rows(&stored, 1, second);
                let wanted: Vec<u8> =
                    b"abcdef".iter().flat_map(|b| (0..pixel).map(move |n| b + n as u8 * 32)).collect();
                assert_eq!(upright, wanted, "{orientation:?}");
                let mut at_once = vec![0; pixels.len()];
                orientation.copy_rows(&stored, 0, &mut at_once);
                assert_eq!(at_once, wanted, "{orientation:?}");
            }
        }
    }

    fn exif(little: bool, tag: u16, kind: u16, value: u16) -> Vec<u8> {
        let short = |v: u16| if little { v.to_le_bytes() } else { v.to_be_bytes() };
        let long = |v: u32| if little { v.to_le_bytes() } else { v.to_be_bytes() };
        let mut bytes = if little { b"II*\0".to_vec() } else { b"MM\0*".to_vec() };
        bytes.extend(long(8));
        bytes.extend(short(2));
        for (tag, kind, value) in [(256, 3, 9), (tag, kind, value)] {
            bytes.extend(short(tag));
            bytes.extend(short(kind));
            bytes.extend(long(1));
            bytes.extend(short(value));
            bytes.extend(short(0));
        }
        bytes
    }

    #[test]
    fn reads_the_tag_of_exif() {
        for (value, orientation) in (1..).zip(Orientation::ALL) {
            assert_eq!(of_exif(&exif(true, 274, 3, value)), orientation);
            let mut segment = b"Exif\0\0".to_vec();
            segment.extend(exif(false, 274, 3, value));
            assert_eq!(of_exif(&segment), orientation);
        }
    }

    #[test]
    fn nonsense_is_upright() {
        let good = exif(true, 274, 3, 6);
        for end in 0..good.len() - 2 {
            assert_eq!(of_exif(&good[..end.min(good.len() - 4)]), Orientation::Upright);
        }
        for bad in [exif(true, 274, 3, 0), exif(true, 274, 3, 9), exif(true, 274, 4, 6), exif(true, 275, 3, 6)] {
            assert_eq!(of_exif(&bad), Orientation::Upright);
        }
    }
}
