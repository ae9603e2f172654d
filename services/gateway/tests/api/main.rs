//! The gateway's API against real servers.
#![cfg(test)]

mod errors;
mod listing;
mod registration;
mod resources;
mod support;
