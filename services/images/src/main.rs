//! The `images` binary.

use std::process::ExitCode;

/// A tile is a dozen small allocations and one large: with the system's allocator they are a tenth of its cost.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    images::keep_nothing();
    dlcs_service::run("images", images::start)
}
