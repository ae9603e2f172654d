//! Pixels in, pixels out: blocking code without any knowledge of queues, databases or object stores.

pub mod color;
pub mod geometry;
pub mod orientation;
pub mod source;
