//! Decoding in processes of their own, which can do nothing but decode: what kills, blinds or subverts a decoder costs one
//! image. [Why so](../../../docs/adr/0009-decoders-in-a-sandbox.md).

mod blame;
mod budget;
mod child;
mod cores;
mod decoder;
mod fence;
mod metrics;
mod pool;
mod wire;

pub use budget::Budget;
pub use child::{Admit, Job, derive, serve};
pub use decoder::Program;
pub use metrics::Metrics;
pub use pool::Decoders;
