//! The `status` binary.
fn main() {}
