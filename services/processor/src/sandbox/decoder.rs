//! One decoder, as the processor sees it: a process that can be talked to, watched and killed.

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use dlcs_imaging::derive::{Derived, Outputs};
use dlcs_model::Failure;
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tokio::io::{AsyncReadExt, Interest};
use tokio::net::UnixStream;
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::{error::Elapsed, timeout};

use super::blame;
use super::child::Job;
use super::metrics::{End, Life, Metrics};
use super::wire::{self, Answer, Order, Threads};

/// The address space of a decoder before it is given memory for an image: program, libraries, stack, and what reading a
/// header takes.
const ADDRESS_SPACE: u64 = 512 << 20;
/// How long a decoder may take to start: long enough for a machine that is very busy.
const START: Duration = Duration::from_secs(60);
/// How long a decoder may take to end.
const GRACE: Duration = Duration::from_secs(5);
/// Bytes of what a decoder writes to its standard error that go to the log.
const COMPLAINTS: usize = 64 * 1024;

/// What decoders are started from.
#[derive(Debug, Clone)]
pub struct Program {
    /// The program.
    pub path: OsString,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

impl Program {
    /// This program itself, even when the file was replaced since it was started.
    #[must_use]
    pub fn this() -> Self {
        Self::at("/proc/self/exe")
    }

    /// A processor at another place.
    #[must_use]
    pub fn at(path: impl Into<OsString>) -> Self {
        Self { path: path.into(), arguments: vec!["decode".into()] }
    }
}

/// Why there is no derivative.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The image's fault, as the decoder says; the decoder is well.
    Image(Failure),
    /// There will never be memory for it; the decoder waits.
    Refused(Failure),
    /// The decoder died, and how.
    Died(String),
    /// The decoder took too long.
    Slow,
    /// The decoder says that it is our fault.
    Blames,
    /// Our own.
    Ours(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Ours(error)
    }
}

impl From<Elapsed> for Trouble {
    fn from(_: Elapsed) -> Self {
        Self::Slow
    }
}

/// A running decoder; killed when dropped.
#[derive(Debug)]
pub(super) struct Decoder {
    child: Child,
    life: Life,
    /// Of packets, whatever its type says; it is only asked whether there is one.
    socket: UnixStream,
    /// Bytes of address space that it can get at most.
    most: u64,
    /// Images that it was given.
    pub(super) jobs: u32,
}

impl Decoder {
    /// Starts a decoder, which may get memory for images of `most` bytes. Also returns what its sandbox lacks.
    pub(super) async fn start(
        program: &Program,
        most: u64,
        metrics: Option<Metrics>,
    ) -> Result<(Self, Vec<String>), Trouble> {
        let (ours, theirs) = wire::pair()?;
        let ours = net::UnixStream::from(ours);
        ours.set_nonblocking(true)?;
        let mut command = Command::new(&program.path);
        command.args(&program.arguments).arg0("dlcs-decoder").env_clear().current_dir("/");
        // The C library's allocator would reserve a good part of the address space for the second thread.
        command.env("MALLOC_ARENA_MAX", "1");
        command.stdin(Stdio::from(theirs)).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn()?;
        // The command has a copy of their end: without it, the end of the decoder is the end of the connection.
        drop(command);
        if let Some(stderr) = child.stderr.take() {
            tokio::spawn(listen(stderr));
        }
        let socket = UnixStream::from_std(ours)?;
        let life = Life::begin(metrics);
        let mut decoder = Self { child, life, socket, most: ADDRESS_SPACE + room(most), jobs: 0 };
        decoder.limit(ADDRESS_SPACE)?;
        match timeout(START, decoder.hear()).await?? {
            Answer::Ready(missing) => Ok((decoder, missing)),
            other => Err(out_of_turn(&other)),
        }
    }

    /// Lets the decoder read the header of a source; returns the bytes that deriving will take.
    pub(super) async fn open(&mut self, job: &Job, time: Duration) -> Result<u64, Trouble> {
        let Job { source, outputs: Outputs { derivative, thumbnails }, limits } = job;
        self.jobs += 1;
        self.limit(ADDRESS_SPACE)?;
        let files: Vec<_> = [source, derivative].into_iter().chain(thumbnails).map(AsFd::as_fd).collect();
        self.say(&Order::Open(*limits), &files).await?;
        match timeout(time, self.hear()).await?? {
            Answer::Weighs(bytes) => Ok(bytes),
            other => Err(out_of_turn(&other)),
        }
    }

    /// Lets the decoder go on with what it has opened, and take so many bytes for it.
    pub(super) async fn derive(&mut self, bytes: u64, threads: Threads, time: Duration) -> Result<Derived, Trouble> {
        self.limit(ADDRESS_SPACE + room(bytes))?;
        self.say(&Order::Derive(threads), &[]).await?;
        match timeout(time, self.hear()).await?? {
            Answer::Derived(derived) => Ok(derived),
            other => Err(out_of_turn(&other)),
        }
    }

    /// Whether it can be given another image.
    pub(super) fn lives(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    async fn say(&mut self, order: &Order, files: &[BorrowedFd<'_>]) -> Result<(), Trouble> {
        // One packet is under way at a time, so there is always room for it.
        match wire::send(&self.socket, order, files) {
            Ok(()) => Ok(()),
            Err(error) if matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) => {
                Err(self.died().await)
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn hear(&mut self) -> Result<Answer, Trouble> {
        let heard = self.socket.async_io(Interest::READABLE, || wire::receive(&self.socket)).await;
        match heard {
            Ok(Some((Answer::Failed(code, detail), _))) => Err(blame::trouble(code, detail)),
            Ok(Some((answer, _))) => Ok(answer),
            Ok(None) => Err(self.died().await),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Err(self.died().await),
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) => {
                Err(Trouble::Died("it said something that makes no sense".to_owned()))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Ends it.
    pub(super) fn end(self, why: End) {
        self.life.end(why);
    }

    /// Lets it end by itself, as it does without a connection. One that does not is killed.
    pub(super) async fn leave(self) {
        let Self { mut child, life, socket, most: _, jobs: _ } = self;
        drop(socket);
        let _ = timeout(GRACE, child.wait()).await;
        life.end(End::Abandoned);
    }

    /// How the decoder ended. It has closed its connection; should it live on all the same, it is killed.
    async fn died(&mut self) -> Trouble {
        let status = match timeout(GRACE, self.child.wait()).await {
            Ok(status) => status,
            Err(_) => return Trouble::Died("it closed its connection".to_owned()),
        };
        status.map_or_else(Trouble::Ours, |status| Trouble::Died(end(status)))
    }

    /// Limits the address space.
    fn limit(&self, bytes: u64) -> io::Result<()> {
        // Without an id it has ended already, which shows elsewhere.
        let Some(pid) = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed())) else { return Ok(()) };
        prlimit(Some(pid), Resource::As, Rlimit { current: Some(bytes.min(self.most)), maximum: Some(self.most) })?;
        Ok(())
    }
}

/// Address space for an image that weighs so many bytes: fragments, and growing buffers that exist twice for a moment.
fn room(bytes: u64) -> u64 {
    bytes + bytes / 4
}

fn out_of_turn(answer: &Answer) -> Trouble {
    Trouble::Died(format!("it answered out of turn: {answer:?}"))
}

/// How a process ended, in words.
fn end(status: ExitStatus) -> String {
    let Some(signal) = status.signal() else { return format!("it ended with {status}") };
    let name = match signal {
        libc::SIGABRT => "SIGABRT",
        libc::SIGBUS => "SIGBUS",
        libc::SIGFPE => "SIGFPE",
        libc::SIGILL => "SIGILL",
        libc::SIGKILL => "SIGKILL",
        libc::SIGSEGV => "SIGSEGV",
        libc::SIGSYS => "SIGSYS",
        libc::SIGTRAP => "SIGTRAP",
        libc::SIGXCPU => "SIGXCPU",
        libc::SIGXFSZ => "SIGXFSZ",
        other => return format!("it ended by signal {other}"),
    };
    format!("it ended by {name}")
}

/// Puts into our log what a decoder complains of.
async fn listen(mut stderr: ChildStderr) {
    let mut left = COMPLAINTS;
    let mut piece = vec![0; 4096];
    while let Ok(length @ 1..) = stderr.read(&mut piece).await {
        if left == 0 {
            // Read all the same, or the decoder would wait for us.
            continue;
        }
        let length = length.min(left);
        left -= length;
        for line in String::from_utf8_lossy(&piece[..length]).lines().filter(|line| !line.trim().is_empty()) {
            tracing::warn!(line = line.trim().escape_debug().to_string(), "a decoder complains");
        }
    }
}
