//! What the allocators are told.

use std::os::unix::process::CommandExt;
use std::process::Command;

/// What says how many milliseconds the allocator keeps memory that nobody uses.
const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";

/// Allocators read their settings before `main`: unless it was told, the program starts itself again and tells them to keep
/// nothing. Large pictures come and go, and their memory would add up; giving it back costs nothing that can be measured. What
/// is larger than 64 KiB comes from the system alone, outside of areas of huge pages: these are resident as a whole, however
/// little of them is used.
pub fn keep_nothing() {
    if std::env::var_os(PURGE_DELAY).is_some() {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut command = Command::new(program);
    command.arg0(arguments.next().unwrap_or_default()).args(arguments).env(PURGE_DELAY, "0");
    command.env("MIMALLOC_ARENA_MAX_OBJECT_SIZE", "64");
    // The same for what codecs in C take.
    command.env("MALLOC_MMAP_THRESHOLD_", "131072").env("MALLOC_ARENA_MAX", "2");
    // It only comes back when it failed, and then we run as we are.
    let _ = command.exec();
}
