//! The `gateway` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    dlcs_service::run("gateway", gateway::start)
}
