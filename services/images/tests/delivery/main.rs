//! The service as clients see it, over derivatives that are made here.

#![cfg(test)]

mod bucket;
mod clients;
mod leaving;
mod oracle;
mod pixels;
mod publish;
mod recent;
mod requests;
mod service;
mod world;
