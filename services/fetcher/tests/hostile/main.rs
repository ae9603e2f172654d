//! Origins that lie, stall, wander or never end, and addresses that must not be contacted.
#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]

mod addresses;
mod bench;
mod failures;
mod names;
mod server;
