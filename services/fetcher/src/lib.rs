//! The fetcher: brings the bytes of an image from its origin into staging, within limits and past the address guard.

pub mod guard;
pub mod origins;
mod settings;

pub use settings::FetchSettings;
