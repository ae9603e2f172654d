//! A stretch of network that misbehaves: what comes to an address of loopback is passed on to the same port of another.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// What happens to the bytes that a server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    None,
    /// The connection breaks after so many, each of them.
    Cut(usize),
    /// None comes through after so many; the connection stays.
    Stall(usize),
    /// So few pass each tenth of a second.
    Slow(usize),
}

/// Passes on what comes to `127.0.0.2`, at each of some ports, until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    fault: Arc<Mutex<Fault>>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Where it listens.
    pub const HOST: &str = "127.0.0.2";

    /// Stands before the ports of a server on loopback.
    ///
    /// # Errors
    /// One of the ports is taken.
    pub async fn start(ports: &[u16]) -> anyhow::Result<Self> {
        let fault = Arc::new(Mutex::new(Fault::None));
        let mut tasks = JoinSet::new();
        for port in ports {
            let listener = TcpListener::bind((Self::HOST, *port)).await?;
            tasks.spawn(serve(listener, *port, fault.clone()));
        }
        Ok(Self { fault, _tasks: tasks })
    }

    /// Misbehaves from now on, also where connections are open already.
    pub fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }
}

async fn serve(listener: TcpListener, port: u16, fault: Arc<Mutex<Fault>>) {
    let mut connections = JoinSet::new();
    while let Ok((near, _)) = listener.accept().await {
        connections.spawn(pass(near, port, fault.clone()));
    }
}

/// Until either side ends; then both do.
async fn pass(near: TcpStream, port: u16, fault: Arc<Mutex<Fault>>) {
    let Ok(far) = TcpStream::connect((super::HOST, port)).await else { return };
    let (near_reads, near_writes) = near.into_split();
    let (far_reads, far_writes) = far.into_split();
    let there = copy(near_reads, far_writes, Arc::new(Mutex::new(Fault::None)));
    let back = copy(far_reads, near_writes, fault);
    // Half a connection may end alone: of a server that has sent everything, or a client that has asked everything.
    tokio::pin!(there, back);
    tokio::select! {
        () = &mut back => {}
        () = &mut there => back.await,
    }
}

async fn copy(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, fault: Arc<Mutex<Fault>>) {
    let (mut buffer, mut passed) = (vec![0; 16 * 1024], 0);
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let current = *fault.lock().unwrap_or_else(PoisonError::into_inner);
        let within = match current {
            Fault::None | Fault::Slow(_) => read,
            Fault::Cut(most) | Fault::Stall(most) => read.min(most.saturating_sub(passed)),
        };
        let step = if let Fault::Slow(step) = current { step.max(1) } else { within.max(1) };
        for piece in buffer[..within].chunks(step) {
            if to.write_all(piece).await.is_err() {
                return;
            }
            if matches!(current, Fault::Slow(_)) {
                sleep(Duration::from_millis(100)).await;
            }
        }
        passed += within;
        if within < read {
            match current {
                Fault::Stall(_) => sleep(Duration::from_secs(3600)).await,
                Fault::None | Fault::Slow(_) | Fault::Cut(_) => return,
            }
        }
    }
    let _ = to.shutdown().await;
}
