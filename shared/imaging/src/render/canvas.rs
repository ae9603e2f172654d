//! A rectangle of samples, and drawing stored tiles into it.

use dlcs_jpeg::{Decoder, Output, Scale};

use super::RenderError;
use super::plan::{Place, Window};

/// Rows decoded at a time: enough to amortise the calls, few enough to stay in the cache.
const BAND: usize = 16;

/// Interleaved samples of 8 bits, rows from top to bottom.
pub(super) struct Canvas {
    pub width: u32,
    pub height: u32,
    pub channels: usize,
    pub data: Vec<u8>,
}

impl Canvas {
    pub fn new(window: Window, channels: usize) -> Self {
        let Window { width, height, .. } = window;
        Self::of_size(width, height, channels)
    }

    pub fn of_size(width: u32, height: u32, channels: usize) -> Self {
        Self { width, height, channels, data: vec![0; width as usize * height as usize * channels] }
    }

    pub fn row_bytes(&self) -> usize {
        self.width as usize * self.channels
    }

    /// Decodes a tile and draws the part of it that lies in the window; rows below the window are not decoded.
    /// Returns whether the tile has colour in every pixel.
    pub fn place(
        &mut self,
        tile: &[u8],
        at: Place,
        output: Output,
        scratch: &mut Vec<u8>,
    ) -> Result<bool, RenderError> {
        let damaged = |e: dlcs_jpeg::Error| RenderError::Tile(e.to_string());
        let decoder = Decoder::from_bytes(tile).map_err(damaged)?;
        let full_chroma = decoder.header().sampling.iter().all(|s| *s == (1, 1));
        let mut rows = decoder.rows(output, Scale::Full).map_err(damaged)?;
        if (rows.width(), rows.height()) != (at.width, at.height) {
            let message = format!("{} x {} instead of {} x {}", rows.width(), rows.height(), at.width, at.height);
            return Err(RenderError::Tile(message));
        }
        let tile_row = at.width as usize * self.channels;
        scratch.resize(BAND * tile_row, 0);
        let (left, right) = (at.x.max(at.window.x), (at.x + at.width).min(at.window.x + at.window.width));
        let from = (left - at.x) as usize * self.channels;
        let length = (right - left) as usize * self.channels;
        let to = (left - at.window.x) as usize * self.channels;
        let stride = self.row_bytes();
        let mut y = at.y;
        let end = (at.y + at.height).min(at.window.y + at.window.height);
        while y < end {
            let count = rows.read(scratch).map_err(damaged)?;
            if count == 0 {
                return Err(RenderError::Tile("rows are missing".to_owned()));
            }
            for row in scratch.chunks_exact(tile_row).take(count) {
                if (at.window.y..end).contains(&y) {
                    let start = (y - at.window.y) as usize * stride + to;
                    self.data[start..start + length].copy_from_slice(&row[from..from + length]);
                }
                y += 1;
            }
        }
        Ok(full_chroma)
    }
}
