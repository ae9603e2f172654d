//! Answers to IIIF image requests from a derivative: which stored bytes are needed, and what is made of them.
//!
//! A request for exactly one stored tile is [`Plan::Copy`]: no pixel is touched. Anything else is composed from the few
//! tiles it meets at the smallest level that is large enough. Planning is pure; [`Renderer::render`] is pure computation on
//! bytes that the caller has read, and runs on whatever thread the caller has for such work.

mod canvas;
mod encode;
mod palette;
mod plan;
mod planar;
mod reads;
mod resample;
mod turn;

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use dlcs_iiif::Quality;
use dlcs_jpeg::{Encoder, Output, Sampling};
use fast_image_resize::{PixelType, Resizer, images::Image, images::ImageRef};

use canvas::Canvas;
pub use plan::{Composition, Plan, plan};
use planar::Planar;
pub use reads::{Span, spans};

/// Why an answer cannot be made. All of these are our own trouble: the request was checked before.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The head does not list a tile that the image must have.
    #[error("the derivative lists no tile at level {level}, column {column}, row {row}")]
    NoTile {
        /// The level.
        level: u32,
        /// The tile's column.
        column: u32,
        /// The tile's row.
        row: u32,
    },
    /// A stored tile is not a JPEG of the size it must have.
    #[error("a stored tile is damaged: {0}")]
    Tile(String),
    /// Nobody waits for the answer any more.
    #[error("nobody waits for the answer any more")]
    Abandoned,
    /// The answer cannot be encoded.
    #[error("the answer cannot be encoded: {0}")]
    Encode(String),
}

/// Makes answers, one at a time, and keeps its buffers in between.
pub struct Renderer {
    resizer: Resizer,
    encoder: Encoder,
    rows: Vec<u8>,
    planar: Planar,
}

/// Bytes of the resizer's own buffers that are kept.
const RESIZER_BYTES: usize = 4 << 20;

/// Whether to go on.
#[derive(Clone, Copy)]
struct Stop<'a>(&'a AtomicBool);

impl Stop<'_> {
    fn check(self) -> Result<(), RenderError> {
        if self.0.load(Ordering::Relaxed) { Err(RenderError::Abandoned) } else { Ok(()) }
    }
}

/// An image on its way through the steps of a request: colours as seen on white, and how opaque they are.
struct Picture {
    colour: Canvas,
    /// One channel; `None` is opaque everywhere.
    alpha: Option<Canvas>,
    /// How the stored tiles sample colour, so that the answer keeps as much as there is.
    sampling: Sampling,
}

impl Renderer {
    /// A renderer with empty buffers.
    ///
    /// # Errors
    /// No memory.
    pub fn new() -> Result<Self, RenderError> {
        let encoder = Encoder::new().map_err(|e| RenderError::Encode(e.to_string()))?;
        Ok(Self { resizer: Resizer::new(), encoder, rows: Vec::new(), planar: Planar::default() })
    }

    /// The encoded answer. `tiles` are the bytes of [`Composition::reads`], in that order. It is given up soon after `stop`
    /// becomes true.
    ///
    /// # Errors
    /// Any [`RenderError`].
    pub fn render(
        &mut self,
        composition: &Composition,
        tiles: &[Bytes],
        stop: &AtomicBool,
    ) -> Result<Vec<u8>, RenderError> {
        let stop = Stop(stop);
        let answer = if composition.is_planar() {
            self.planar.render((&mut self.resizer, &mut self.encoder), composition, tiles, stop)
        } else {
            self.render_pixels(composition, tiles, stop)
        };
        if self.resizer.size_of_internal_buffers() > RESIZER_BYTES {
            self.resizer.reset_internal_buffers();
        }
        answer
    }

    fn render_pixels(
        &mut self,
        composition: &Composition,
        tiles: &[Bytes],
        stop: Stop<'_>,
    ) -> Result<Vec<u8>, RenderError> {
        let picture = self.assemble(composition, tiles, stop)?;
        let picture = self.resize(picture, composition)?;
        stop.check()?;
        let mut picture = turn::turn(picture, composition.rotation, encode::keeps_alpha(composition.format));
        if composition.quality == Quality::Bitonal {
            picture.colour.data.iter_mut().for_each(|v| *v = if *v < 128 { 0 } else { 255 });
        }
        stop.check()?;
        encode::encode(&mut self.encoder, picture, composition)
    }

    fn assemble(&mut self, composition: &Composition, tiles: &[Bytes], stop: Stop<'_>) -> Result<Picture, RenderError> {
        let output = if composition.gray { Output::Gray } else { Output::Rgb };
        let (colour_tiles, alpha_tiles) = tiles.split_at(composition.places.len().min(tiles.len()));
        let mut sampling = if composition.gray { Sampling::Gray } else { Sampling::Half };
        let mut colour = Canvas::new(composition.window, output.samples());
        for (place, tile) in composition.places.iter().zip(colour_tiles) {
            stop.check()?;
            let full_chroma = colour.place(tile, *place, output, &mut self.rows)?;
            if !composition.gray && full_chroma {
                sampling = Sampling::Full;
            }
        }
        let mut alpha = composition.alpha.then(|| Canvas::new(composition.window, 1));
        if let Some(alpha) = &mut alpha {
            for (place, tile) in composition.places.iter().zip(alpha_tiles) {
                stop.check()?;
                alpha.place(tile, *place, Output::Gray, &mut self.rows)?;
            }
        }
        Ok(Picture { colour, alpha, sampling })
    }

    fn resize(&mut self, picture: Picture, composition: &Composition) -> Result<Picture, RenderError> {
        let Picture { colour, alpha, sampling } = picture;
        let colour = self.resize_canvas(colour, composition)?;
        let alpha = alpha.map(|alpha| self.resize_canvas(alpha, composition)).transpose()?;
        Ok(Picture { colour, alpha, sampling })
    }

    fn resize_canvas(&mut self, canvas: Canvas, composition: &Composition) -> Result<Canvas, RenderError> {
        let size = composition.size;
        if composition.is_unscaled() {
            return Ok(canvas);
        }
        let pixel = if canvas.channels == 1 { PixelType::U8 } else { PixelType::U8x3 };
        let [left, top, width, height] = composition.crop;
        let resized = || -> Result<Vec<u8>, String> {
            let source = ImageRef::new(canvas.width, canvas.height, &canvas.data, pixel).map_err(|e| e.to_string())?;
            let mut target = Image::new(size.0, size.1, pixel);
            let options = resample::options().crop(left, top, width, height);
            self.resizer.resize(&source, &mut target, &options).map_err(|e| e.to_string())?;
            Ok(target.into_vec())
        };
        let data = { resized }().map_err(RenderError::Encode)?;
        Ok(Canvas { width: size.0, height: size.1, channels: canvas.channels, data })
    }
}
