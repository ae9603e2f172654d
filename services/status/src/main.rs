//! The `status` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    dlcs_service::run("status", status::start)
}
