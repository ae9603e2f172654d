//! The whole system for end-to-end tests: the real services as processes, with real servers around them.

pub mod client;
pub mod edge;
pub mod origin;
pub mod photos;
pub mod pixels;
pub mod ports;
pub mod process;
pub mod world;

pub use client::{Client, Reply};
pub use origin::{Answer, Origin};
pub use world::World;
