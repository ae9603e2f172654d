//! The gateway's API against real servers.
#![cfg(test)]

mod accounts;
mod changing;
mod description;
mod errors;
mod listing;
mod malformed;
mod meetings;
mod rates;
mod registration;
mod resources;
mod strategies;
mod support;
mod tenants;
mod uploads;
mod worker;
