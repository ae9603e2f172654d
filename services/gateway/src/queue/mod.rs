//! The queue's writing side; reading it is the status service's.

mod post;
mod priority;

pub use post::{post, post_priority};
pub use priority::read_priority;
