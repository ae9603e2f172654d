//! The object store: one layout of keys, one descriptor per image, two kinds of store behind one type.

pub mod descriptor;
pub mod key;

pub use descriptor::{Descriptor, Thumbnail};
pub use key::StorageKey;
