//! What is stored, and how much may be.

pub mod policy;
pub mod read;

pub use policy::{put_policy, read_policy};
pub use read::{read_customer, read_space};
