//! The status service against real servers, with the test in the place of the workers.
#![cfg(test)]

mod batches;
mod listing;
mod ends;
mod events;
mod support;
