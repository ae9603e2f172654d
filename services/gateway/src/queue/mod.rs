//! The queue's writing side; reading it is the status service's.

pub mod post;
pub mod priority;

pub use post::{post, post_priority};
pub use priority::read_priority;
