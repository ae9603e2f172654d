//! What a request is resolved against: the image, the limits of the service, and what is open to anyone.

use crate::Rect;

/// Limits of the service on what it composes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The longest width and height of an answer, in pixels.
    pub max_width: u32,
    /// The most pixels of an answer.
    pub max_area: u64,
}

/// The image of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Subject {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Side of a stored tile in pixels.
    pub tile: u32,
    /// Limits of the service.
    pub limits: Limits,
    /// Pixels on the long edge of the whole image that anyone may see; `None` is no limit, 0 nothing at all.
    pub open_edge: Option<u32>,
}

impl Subject {
    /// The longer side.
    #[must_use]
    pub fn long_edge(&self) -> u32 {
        self.width.max(self.height)
    }

    /// The scale factors 1, 2, 4 … whose tiles are stored: down to the one that holds the image in one tile.
    pub fn scale_factors(&self) -> impl Iterator<Item = u32> + use<> {
        let (long, tile) = (self.long_edge(), self.tile.max(1));
        (0..32)
            .map(|k| 1_u32 << k)
            .take_while(move |s| *s == 1 || u64::from(tile) * u64::from(*s / 2) < u64::from(long))
    }

    /// The scale factor and size of the stored tile that covers exactly `region`, if a tile of `width` pixels does.
    pub(crate) fn tile_of_width(&self, region: Rect, width: u32) -> Option<(u32, u32)> {
        self.stored_tile(region).find(|(w, _)| *w == width)
    }

    /// As [`Subject::tile_of_width`], for the height.
    pub(crate) fn tile_of_height(&self, region: Rect, height: u32) -> Option<(u32, u32)> {
        self.stored_tile(region).find(|(_, h)| *h == height)
    }

    /// Sizes of the stored tiles, of any level, that show exactly `region`.
    fn stored_tile(&self, region: Rect) -> impl Iterator<Item = (u32, u32)> {
        self.scale_factors().filter_map(move |scale| {
            let side = self.tile.saturating_mul(scale);
            let aligned = region.x.is_multiple_of(side) && region.y.is_multiple_of(side);
            let whole =
                region.width == side.min(self.width - region.x) && region.height == side.min(self.height - region.y);
            (aligned && whole).then(|| (region.width.div_ceil(scale), region.height.div_ceil(scale)))
        })
    }

    /// The largest size of `region` that anyone may see: that of the same part of the whole image, reduced to the
    /// open edge. It is rounded down, so that no pixel is shown at more than the open scale, except at the image's
    /// right and bottom edge, where a tile is the rounded-up rest.
    pub(crate) fn open_size(&self, region: Rect) -> (u32, u32) {
        let Some(open) = self.open_edge else { return (u32::MAX, u32::MAX) };
        let long = u64::from(self.long_edge());
        let side = |length: u32, at_edge: bool| {
            let product = u64::from(length) * u64::from(open);
            let scaled = if at_edge { product.div_ceil(long) } else { product / long };
            u32::try_from(scaled).unwrap_or(u32::MAX)
        };
        let right = region.x + region.width == self.width;
        let bottom = region.y + region.height == self.height;
        (side(region.width, right), side(region.height, bottom))
    }
}
