//! The status service against real servers, with the test in the place of the workers.
#![cfg(test)]

mod batches;
mod ends;
mod events;
mod listing;
mod support;
mod tenants;
