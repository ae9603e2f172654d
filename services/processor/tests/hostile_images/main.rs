//! Images made to hurt: mutants of good ones, and bombs. Everything goes the way of a job, through sandboxed decoders.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a test ends at the first surprise")]

mod bombs;
mod dice;
mod files;
mod lab;
mod mutants;
mod mutations;
mod tiffs;
