//! What is stored, and how much may be.

mod policy;
mod read;

pub use policy::{put_policy, read_policy};
pub use read::{read_customer, read_space};
