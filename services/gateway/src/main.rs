//! The `gateway` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("rotate-keys") => gateway::rotate_keys_command(),
        Some(_) | None => dlcs_service::run("gateway", gateway::start),
    }
}
