//! The `images` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    dlcs_service::run("images", images::start)
}
