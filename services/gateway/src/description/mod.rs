//! What the API says about itself, open to all.

pub mod document;
