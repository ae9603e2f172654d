//! Pixels in, pixels out: blocking code without any knowledge of queues, databases or object stores.

pub mod color;
pub mod geometry;
pub mod head;
pub mod orientation;
pub mod source;
mod tiff_reader;
mod tiff_writer;
