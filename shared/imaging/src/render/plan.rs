//! From a resolved request to the stored bytes it needs.

use dlcs_iiif::{Format, Quality, Rect, Resolved, Rotation};
use dlcs_model::limits::TILE_SIDE;

use super::RenderError;
use super::encode::keeps_alpha;
use crate::geometry::{Level, levels};
use crate::head::{Head, TileRange};

/// What answers a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Plan {
    /// The stored bytes, as they are.
    Copy(TileRange),
    /// Something to be made.
    Compose(Composition),
}

/// Pixels of a level: from (x, y), as large as the canvas they go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub x: u32,
    pub y: u32,
    pub width: u32,
    pub height: u32,
}

/// Where a tile lies in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The tile's left edge in the level.
    pub x: u32,
    /// The tile's upper edge in the level.
    pub y: u32,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// The window it is drawn into.
    pub window: Window,
}

/// An answer that has to be made, and all that is needed to make it.
#[derive(Debug, Clone, PartialEq)]
pub struct Composition {
    /// Ranges of the derivative, in the order in which [`super::Renderer::render`] wants their bytes.
    pub reads: Vec<TileRange>,
    pub(super) places: Vec<Place>,
    pub(super) window: Window,
    /// Left, top, width and height of the region in the window, in pixels.
    pub(super) crop: [f64; 4],
    pub(super) size: (u32, u32),
    pub(super) rotation: Rotation,
    pub(super) quality: Quality,
    pub(super) format: Format,
    pub(super) gray: bool,
    pub(super) alpha: bool,
}

impl Composition {
    /// Bytes of memory that making this answer takes at most, tiles and encoded result included.
    #[must_use]
    pub fn memory(&self) -> u64 {
        let channels = if self.gray { 1 } else { 3 } + u64::from(self.alpha);
        let area = |width: u32, height: u32| u64::from(width) * u64::from(height);
        let read: u64 = self.reads.iter().map(|r| u64::from(r.length)).sum();
        // The result exists resized, turned and encoded; turning by an odd angle at most doubles its box.
        let result = area(self.size.0, self.size.1) * if self.rotation.is_none() { 2 } else { 5 };
        // Half resized it lies between: twice as a plane, once as pixels.
        let between = if self.is_unscaled() { 0 } else { area(self.window.width, self.size.1) * channels.max(2) };
        read + (area(self.window.width, self.window.height) + result) * channels + between
    }

    /// What this answer costs: pixels that are read of the level, and pixels of the answer.
    #[must_use]
    pub fn pixels(&self) -> u64 {
        let area = |width: u32, height: u32| u64::from(width) * u64::from(height);
        area(self.window.width, self.window.height) + area(self.size.0, self.size.1)
    }

    /// Whether the answer is a JPEG of the stored colours as they lie: its planes come from the planes of the tiles.
    pub(super) fn is_planar(&self) -> bool {
        // Unscaled from an odd pixel on, halved colours would have to move by half a sample, and blur.
        let shifted = self.is_unscaled() && (self.window.x | self.window.y) & 1 == 1;
        self.format == Format::Jpg && self.quality == Quality::Default && self.rotation.is_none() && !shifted
    }

    pub(super) fn is_unscaled(&self) -> bool {
        let Window { width, height, .. } = self.window;
        self.crop == [0.0, 0.0, f64::from(width), f64::from(height)] && self.size == (width, height)
    }
}

/// Finds the stored bytes for `request`.
///
/// # Errors
/// [`RenderError::NoTile`] when the head does not fit the image.
pub fn plan(head: &Head, request: &Resolved) -> Result<Plan, RenderError> {
    let levels = levels(head.width(), head.height());
    let plain = request.rotation.is_none() && request.quality == Quality::Default && request.format == Format::Jpg;
    if plain && let Some((level, column, row)) = stored_tile(&levels, request) {
        return tile(head, level.index, column, row).map(Plan::Copy);
    }
    compose(head, &levels, request).map(Plan::Compose)
}

fn tile(head: &Head, level: u32, column: u32, row: u32) -> Result<TileRange, RenderError> {
    head.tile(level, column, row).ok_or(RenderError::NoTile { level, column, row })
}

/// The tile that shows exactly what is asked for, pixel for pixel.
fn stored_tile<'a>(levels: &'a [Level], request: &Resolved) -> Option<(&'a Level, u32, u32)> {
    let region = request.region;
    let (full_width, full_height) = (levels[0].width, levels[0].height);
    levels.iter().find_map(|level| {
        let side = u64::from(TILE_SIDE) << level.index;
        let (column, row) = (u64::from(region.x) / side, u64::from(region.y) / side);
        let fits = |start: u32, length: u32, full: u32| {
            u64::from(start).is_multiple_of(side) && u64::from(length) == side.min(u64::from(full - start))
        };
        let aligned = fits(region.x, region.width, full_width) && fits(region.y, region.height, full_height);
        let (column, row) = (u32::try_from(column).ok()?, u32::try_from(row).ok()?);
        (aligned && level.tile_size(column, row) == (request.width, request.height)).then_some((level, column, row))
    })
}

/// The region in pixels of a level. A region that ends with the image ends with the level, whose last pixel may stand
/// for less than a whole one; so an aligned request is never resampled.
fn in_level(level: &Level, full: (u32, u32), region: Rect) -> [f64; 4] {
    let scale = f64::from(2.0_f32.powi(i32::try_from(level.index).unwrap_or(0)));
    let span = |start: u32, length: u32, full: u32, side: u32| {
        let from = f64::from(start) / scale;
        let to = if start + length == full { f64::from(side) } else { f64::from(start + length) / scale };
        (from, to - from)
    };
    let (x, width) = span(region.x, region.width, full.0, level.width);
    let (y, height) = span(region.y, region.height, full.1, level.height);
    [x, y, width, height]
}

fn compose(head: &Head, levels: &[Level], request: &Resolved) -> Result<Composition, RenderError> {
    let full = (head.width(), head.height());
    let large_enough = |level: &&Level| {
        let [_, _, width, height] = in_level(level, full, request.region);
        width >= f64::from(request.width) && height >= f64::from(request.height)
    };
    let level = levels.iter().rev().find(large_enough).unwrap_or(&levels[0]);
    let [x, y, width, height] = in_level(level, full, request.region);
    let (left, top) = (x.floor() as u32, y.floor() as u32);
    let window = Window {
        x: left,
        y: top,
        width: ((x + width).ceil() as u32).min(level.width) - left,
        height: ((y + height).ceil() as u32).min(level.height) - top,
    };
    let mut composition = Composition {
        reads: Vec::new(),
        places: places(level, window),
        window,
        crop: [x - f64::from(left), y - f64::from(top), width, height],
        size: (request.width, request.height),
        rotation: request.rotation,
        quality: request.quality,
        format: request.format,
        gray: head.is_gray() || request.quality != Quality::Default,
        alpha: head.has_alpha() && keeps_alpha(request.format),
    };
    let places = composition.places.iter().map(|p| (p.x / TILE_SIDE, p.y / TILE_SIDE));
    let mut reads =
        places.clone().map(|(column, row)| tile(head, level.index, column, row)).collect::<Result<Vec<_>, _>>()?;
    if composition.alpha {
        for (column, row) in places {
            let missing = RenderError::NoTile { level: level.index, column, row };
            reads.push(head.alpha_tile(level.index, column, row).ok_or(missing)?);
        }
    }
    composition.reads = reads;
    Ok(composition)
}

fn places(level: &Level, window: Window) -> Vec<Place> {
    let columns = window.x / TILE_SIDE..=(window.x + window.width - 1) / TILE_SIDE;
    let rows = window.y / TILE_SIDE..=(window.y + window.height - 1) / TILE_SIDE;
    let place = |column: u32, row: u32| {
        let (width, height) = level.tile_size(column, row);
        Place { x: column * TILE_SIDE, y: row * TILE_SIDE, width, height, window }
    };
    rows.flat_map(|row| columns.clone().map(move |column| place(column, row))).collect()
}
