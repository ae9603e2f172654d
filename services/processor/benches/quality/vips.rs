//! The peer, as a command, and a folder for what goes to it and comes from it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::measure::Pixels;

/// Whether there is a `vips`.
pub fn is_installed() -> bool {
    Command::new("vips").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Files of this run.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(path: &Path) -> Self {
        Self(path.to_owned())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// Runs `vips` in this folder with the words of `command`, whose file names lie in it.
    pub fn vips(&self, command: &str) {
        assert!(self.tries(command), "vips {command} fails");
    }

    /// The same; whether it succeeded.
    pub fn tries(&self, command: &str) -> bool {
        let words = command.split_whitespace();
        let mut vips = Command::new("vips");
        vips.args(words).current_dir(&self.0).stdout(Stdio::null()).status().unwrap().success()
    }

    /// The pixels of anything that `vips` reads.
    pub fn pixels(&self, file: &str) -> Pixels {
        self.vips(&format!("copy {file} pixels.pnm"));
        Pixels::read(&self.0.join("pixels.pnm"))
    }
}
