//! The sizes of a pyramid: which levels an image has and how each is cut into tiles.

use dlcs_model::limits::TILE_SIDE;

/// One level of a pyramid: the image reduced by `2^index`, cut into tiles of [`TILE_SIDE`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Level {
    /// 0 is the full size.
    pub index: u32,
    /// Pixels across, `ceil(width / 2^index)`.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
}

impl Level {
    /// Tiles across.
    #[must_use]
    pub fn columns(&self) -> u32 {
        self.width.div_ceil(TILE_SIDE)
    }

    /// Tiles down.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.height.div_ceil(TILE_SIDE)
    }

    /// The exact size in pixels of the tile at (`column`, `row`): smaller than a full tile at the right and bottom edge.
    #[must_use]
    pub fn tile_size(&self, column: u32, row: u32) -> (u32, u32) {
        ((self.width - column * TILE_SIDE).min(TILE_SIDE), (self.height - row * TILE_SIDE).min(TILE_SIDE))
    }
}

/// The levels of an image of `width` x `height`: each half the one before, rounded up, until one tile holds it.
#[must_use]
pub fn levels(width: u32, height: u32) -> Vec<Level> {
    let mut levels = Vec::new();
    for index in 0.. {
        let level = Level { index, width: scaled(width, index), height: scaled(height, index) };
        levels.push(level);
        if level.width.max(level.height) <= TILE_SIDE {
            break;
        }
    }
    levels
}

/// `ceil(side / 2^index)`.
#[must_use]
pub fn scaled(side: u32, index: u32) -> u32 {
    if index >= 32 { 1 } else { side.div_ceil(1 << index) }
}

/// The size of `width` x `height` scaled so that its long edge is `edge`, never enlarged, never below one pixel.
#[must_use]
pub fn fit_long_edge(width: u32, height: u32, edge: u32) -> (u32, u32) {
    let long = width.max(height);
    if long <= edge {
        return (width, height);
    }
    let side = |s: u32| {
        let rounded = (u64::from(s) * u64::from(edge) * 2 + u64::from(long)) / (u64::from(long) * 2);
        u32::try_from(rounded.max(1)).unwrap_or(edge)
    };
    (side(width), side(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_until_one_tile_holds_it() {
        let sizes: Vec<_> = levels(2500, 3500).iter().map(|l| (l.width, l.height, l.columns(), l.rows())).collect();
        assert_eq!(sizes, [(2500, 3500, 5, 7), (1250, 1750, 3, 4), (625, 875, 2, 2), (313, 438, 1, 1)]);
        assert_eq!(levels(1, 1).len(), 1);
        assert_eq!(levels(513, 1).len(), 2);
    }

    #[test]
    fn edge_tiles_have_the_rest() {
        let level = levels(2500, 3500)[0];
        assert_eq!(level.tile_size(0, 0), (512, 512));
        assert_eq!(level.tile_size(4, 6), (452, 428));
    }

    #[test]
    fn thumbnails_keep_their_shape() {
        assert_eq!(fit_long_edge(2500, 3500, 400), (286, 400));
        assert_eq!(fit_long_edge(50, 30, 400), (50, 30));
        assert_eq!(fit_long_edge(60_000, 3, 100), (100, 1));
    }
}
