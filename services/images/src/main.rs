//! The `images` binary.
fn main() {}
