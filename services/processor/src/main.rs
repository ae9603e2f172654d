//! The `processor` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("derive") => processor::derive_command(),
        Some("decode") => processor::decode_command(),
        Some(_) | None => dlcs_service::run("processor", processor::start),
    }
}
