//! libjpeg-turbo with its streaming interface: whole JPEGs are read and written a few rows at a time, as pixels or as the
//! planes that JPEG itself stores, so that memory does not grow with an image's height.
//!
//! The C library reports errors by `longjmp`, which must not cross Rust frames: a shim in C (`csrc/shim.c`) turns every
//! error into a status. This is the only crate of the workspace with `unsafe` code, and all of it is calls to that shim.

mod codec;
mod decoder;
mod encoder;
mod error;
mod ffi;
mod header;
mod raw;
mod rows;

pub use decoder::{Decoder, Output, Scale};
pub use encoder::{Encoder, Plane, Sampling};
pub use error::{Error, ErrorKind};
pub use header::{Colour, Header, Steps};
pub use raw::{PlaneMut, Raw};
pub use rows::Rows;
