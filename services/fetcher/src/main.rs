//! The `fetcher` binary.
fn main() {}
