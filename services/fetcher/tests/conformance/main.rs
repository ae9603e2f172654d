//! Every protocol, against the servers that libraries run, behaves alike.
#![cfg(test)]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]

mod cases;
mod ftp;
mod https;
mod s3;
mod sftp;
mod site;
