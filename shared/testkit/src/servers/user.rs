//! A user with a password that only one server knows: its process sees other files in place of the system's lists.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Who may log in.
pub const USER: &str = "dlcs-test";
/// Their password.
pub const PASSWORD: &str = "pass word!";

/// Makes the lists in a folder, with the test's user added to the system's.
fn lists(folder: &Path) -> anyhow::Result<Vec<(PathBuf, &'static str)>> {
    let hash = Command::new("openssl").args(["passwd", "-6", PASSWORD]).output()?;
    ensure!(hash.status.success(), "openssl passwd: {}", String::from_utf8_lossy(&hash.stderr));
    let hash = String::from_utf8(hash.stdout)?;
    let additions = [
        ("/etc/passwd", format!("{USER}:x:64123:65534::/:/bin/sh\n")),
        ("/etc/shadow", format!("{USER}:{}:19000:0:99999:7:::\n", hash.trim())),
    ];
    let add = |(system, line): (&'static str, String)| {
        let known = std::fs::read_to_string(system).with_context(|| format!("{system}: the test has to be root's"))?;
        let own = folder.join(system.trim_start_matches("/etc/"));
        std::fs::write(&own, "")?;
        // As the system's own: what root alone may read stays so.
        std::fs::set_permissions(&own, std::fs::metadata(system)?.permissions())?;
        std::fs::write(&own, known + &line)?;
        Ok((own, system))
    };
    additions.into_iter().map(add).collect()
}

/// `program`, with the lists of a folder in place of the system's. Nothing outside of the process changes.
pub(super) fn command(folder: &Path, program: &str) -> anyhow::Result<Command> {
    let mounts: String =
        lists(folder)?.iter().map(|(own, system)| format!("mount --bind '{}' {system} && ", own.display())).collect();
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", &format!("{mounts}exec \"$@\""), "sh", program]);
    Ok(command)
}
