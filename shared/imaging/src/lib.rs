//! Pixels in, pixels out: blocking code without any knowledge of queues, databases or object stores.

mod bands;
mod failures;
mod helper;
mod jpeg_bands;
mod planes;
mod pyramid;
mod row_bands;
mod thumbnails;
mod tiff_reader;
mod tiff_writer;
mod verify;

pub mod color;
pub mod derive;
pub mod geometry;
pub mod head;
pub mod orientation;
pub mod render;
pub mod source;

pub use helper::Helper;
