//! An S3 server that checks signatures.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::{HOST, Server, free_ports};
use crate::eventually;

const PROGRAM: &str = include_str!("s3_server.py");

/// The one key that it knows, and its secret.
pub const S3_KEYS: (&str, &str) = ("AKIALIBRARY", "correct horse");

/// A running server with a bucket named `masters`.
#[derive(Debug)]
pub struct S3 {
    /// Where it listens.
    pub port: u16,
    _server: Server,
}

impl S3 {
    /// Serves the files of `root` as objects; its own state goes to `folder`.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(folder: &Path, root: &Path) -> anyhow::Result<Self> {
        let port = free_ports(1)?;
        let program = folder.join("s3_server.py");
        std::fs::write(&program, PROGRAM)?;
        let mut command = Command::new("python3");
        command.arg(&program).arg(port.to_string()).arg(root);
        let server =
            Server::start(&mut command, (HOST.parse::<std::net::IpAddr>()?, port).into(), &folder.join("log")).await?;
        let filled = root.with_file_name("s3-filled");
        eventually("the bucket to be filled", Duration::from_secs(60), async || filled.exists().then_some(())).await?;
        Ok(Self { port, _server: server })
    }
}
