//! The `fetcher` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    dlcs_service::run("fetcher", fetcher::start)
}
