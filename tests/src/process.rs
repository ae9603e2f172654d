//! A service as a process.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;

/// A running service; killed when dropped.
pub struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts a service's binary of the same build as the test, with just these settings, its log going to a file.
    ///
    /// # Errors
    /// The binary is not there or cannot be started.
    pub fn start(name: &str, settings: &[(String, String)], log: &Path) -> anyhow::Result<Self> {
        let binary = binary(name)?;
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log)?;
        let variables = settings.iter().map(|(name, value)| (name, value));
        let child = Command::new(&binary)
            .env_clear()
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} cannot be started", binary.display()))?;
        Ok(Self { name: name.to_owned(), child })
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as a crash would.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        // It may have ended by itself, which is what is wanted.
        let _ = self.child.kill();
        self.child.wait().with_context(|| format!("{} does not end", self.name))?;
        Ok(())
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Sends it a signal by name, `STOP` or `TERM`, say.
    ///
    /// # Errors
    /// There is no `kill` command, or it fails.
    pub fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let status = Command::new("kill").arg(format!("-{signal}")).arg(self.pid().to_string()).status()?;
        anyhow::ensure!(status.success(), "kill -{signal} of {} failed", self.name);
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

/// The binary beside the test's own: `target/release/deps/test-hash` → `target/release/name`.
fn binary(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().and_then(Path::parent).context("a test binary lies in target/profile/deps")?;
    let binary = folder.join(name);
    anyhow::ensure!(binary.exists(), "{} is not built: run cargo build --release --workspace --bins", binary.display());
    Ok(binary)
}
