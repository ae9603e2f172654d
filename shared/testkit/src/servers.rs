//! Origins for tests: the servers that libraries have, each with throw-away state on a free port of loopback. They need
//! the packages that `./deploy/local/test` installs, and root: one works as users that only its process knows.

mod authority;
mod ftp;
mod nginx;
mod proxy;
mod s3;
mod ssh;
mod user;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use anyhow::Context as _;

use crate::eventually;

pub use authority::Authority;
pub use ftp::{FtpMode, PyFtp, Vsftpd};
pub use nginx::Nginx;
pub use proxy::{Fault, Proxy};
pub use s3::{S3, S3_KEYS};
pub use ssh::Sshd;
pub use user::{PASSWORD, USER};

/// Where all of them listen.
pub const HOST: &str = "127.0.0.1";

/// Below the range from which the system takes ports for outgoing connections, so that none can take ours.
const FIRST: u16 = 13_000;
const LAST: u16 = 30_000;

/// `count` ports in a row that nobody listens on, not given out before by this process; the first of them.
///
/// # Errors
/// There are none.
pub fn free_ports(count: u16) -> anyhow::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test binaries run one after another, but people run two of them; starting apart avoids most collisions.
    let start = u16::try_from(std::process::id() % 1_600).unwrap_or(0) * 10;
    for _ in 0..(LAST - FIRST) {
        let step = start.wrapping_add(NEXT.fetch_add(count, Ordering::Relaxed));
        let first = FIRST + step % (LAST - FIRST - count);
        if (first..first + count).all(|port| TcpListener::bind(("0.0.0.0", port)).is_ok()) {
            return Ok(first);
        }
    }
    anyhow::bail!("no {count} free ports in a row between {FIRST} and {LAST}")
}

/// A process that ends with its value, and so do those that it has started.
#[derive(Debug)]
struct Server(Child);

impl Server {
    /// Starts a server and waits until it listens.
    async fn start(command: &mut Command, address: SocketAddr, log: &Path) -> anyhow::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let out = std::fs::File::create(log)?;
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out).process_group(0);
        let child = command.spawn().with_context(|| format!("{name} cannot be started"))?;
        let server = Self(child);
        let listens = async || TcpStream::connect_timeout(&address, Duration::from_millis(200)).ok();
        let up = eventually(&format!("{name} on {address}"), Duration::from_secs(20), listens).await;
        up.with_context(|| std::fs::read_to_string(log).unwrap_or_default())?;
        Ok(server)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // All of its group, which may have ended by itself; that is as good.
        let _ = Command::new("kill").args(["-KILL", "--", &format!("-{}", self.0.id())]).status();
        let _ = self.0.wait();
    }
}
