//! A Postgres and a RabbitMQ of one test's own, which it may stop and kill.

use std::path::PathBuf;

use anyhow::Context as _;
use dlcs_tests::ports;
use dlcs_tests::world::Servers;
use tempfile::TempDir;
use tokio::process::Command;

/// The two servers; stopped when dropped.
pub struct OwnServers {
    folder: TempDir,
    postgres_port: u16,
    rabbitmq_port: u16,
}

impl OwnServers {
    /// Starts both, empty.
    pub async fn start() -> anyhow::Result<Self> {
        // Postgres runs as a user of its own, which has to reach its folder.
        let folder = tempfile::Builder::new().prefix("dlcs-").permissions(public()).tempdir_in("/var/tmp")?;
        let own = Self { folder, postgres_port: ports::free()?, rabbitmq_port: free_row()? };
        own.postgres("start").await?;
        own.rabbitmq("start").await?;
        Ok(own)
    }

    /// Where they are, for a world.
    pub async fn servers(&self) -> anyhow::Result<Servers> {
        Ok(Servers { database: self.postgres("url").await?, amqp: self.rabbitmq("url").await?, keep: Vec::new() })
    }

    /// `start`, `stop`, `kill` or `url`; what it prints.
    pub async fn postgres(&self, verb: &str) -> anyhow::Result<String> {
        script("postgres", verb, self.folder.path().join("postgres"), self.postgres_port).await
    }

    /// `start`, `stop`, `kill` or `url`; what it prints.
    pub async fn rabbitmq(&self, verb: &str) -> anyhow::Result<String> {
        script("rabbitmq", verb, self.folder.path().join("rabbitmq"), self.rabbitmq_port).await
    }
}

impl Drop for OwnServers {
    fn drop(&mut self) {
        for (server, port) in [("postgres", self.postgres_port), ("rabbitmq", self.rabbitmq_port)] {
            let mut stop = std::process::Command::new(path(server));
            let folder = self.folder.path().join(server);
            // It may be stopped already.
            let _ = stop.arg("kill").arg(folder).arg(port.to_string()).output();
        }
    }
}

fn public() -> std::fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o755)
}

/// The node takes the next four ports as well.
fn free_row() -> anyhow::Result<u16> {
    let first = ports::free()?;
    for _ in 0..4 {
        ports::free()?;
    }
    Ok(first)
}

fn path(server: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../deploy/local/lib").join(server)
}

async fn script(server: &str, verb: &str, folder: PathBuf, port: u16) -> anyhow::Result<String> {
    let output = Command::new(path(server)).arg(verb).arg(&folder).arg(port.to_string()).output().await;
    let output = output.with_context(|| format!("{} cannot be run", path(server).display()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    anyhow::ensure!(output.status.success(), "{server} {verb} failed: {said}");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
