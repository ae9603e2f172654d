//! The local file that a body is streamed into, with the limit on its size and its checksum.

use std::fs::File;
use std::io::{self, Seek, Write};
use std::mem;
use std::path::{Path, PathBuf};

use dlcs_model::{Failure, FailureCode};
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes gathered before they are summed up and written.
const BUFFER: usize = 256 * 1024;

/// Makes the files.
pub(super) struct Workshop {
    pub(super) directory: PathBuf,
    pub(super) max_bytes: u64,
}

/// What was fetched. The file goes with the value, unless it was moved away.
#[derive(Debug)]
pub struct Fetched {
    file: TempPath,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
    /// What the origin said it is.
    pub media_type: Option<String>,
}

impl Fetched {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.file
    }
}

/// A body on its way: what comes is gathered while a thread that may wait for the disk sums up and writes what came before.
pub(super) struct Sink {
    gathered: Vec<u8>,
    writer: JoinHandle<io::Result<Output>>,
    bytes: u64,
    max_bytes: u64,
}

struct Output {
    file: File,
    path: TempPath,
    digest: Sha256,
    /// The one of the two buffers that nothing is gathered in.
    spare: Vec<u8>,
}

impl Output {
    fn create(directory: &Path) -> io::Result<Self> {
        let (file, path) = NamedTempFile::new_in(directory)?.into_parts();
        Ok(Self { file, path, digest: Sha256::new(), spare: Vec::with_capacity(BUFFER) })
    }

    fn write(mut self, mut bytes: Vec<u8>) -> io::Result<Self> {
        self.digest.update(&bytes);
        self.file.write_all(&bytes)?;
        bytes.clear();
        Ok(Self { spare: bytes, ..self })
    }

    fn restart(mut self) -> io::Result<Self> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        Ok(Self { digest: Sha256::new(), ..self })
    }
}

impl Workshop {
    /// An empty file for a body whose announced size, if any, is within the limit.
    pub(super) fn begin(&self, announced: Option<u64>) -> Result<Sink, Failure> {
        within(self.max_bytes, announced)?;
        let directory = self.directory.clone();
        let writer = spawn_blocking(move || Output::create(&directory));
        Ok(Sink { gathered: Vec::with_capacity(BUFFER), writer, bytes: 0, max_bytes: self.max_bytes })
    }
}

impl Sink {
    pub(super) async fn write(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        self.bytes += chunk.len() as u64;
        if self.bytes > self.max_bytes {
            return Err(too_large(self.max_bytes));
        }
        if !self.gathered.is_empty() && self.gathered.len() + chunk.len() > BUFFER {
            self.hand_over().await?;
        }
        self.gathered.extend_from_slice(chunk);
        Ok(())
    }

    /// Forgets what has come: the body begins again.
    pub(super) async fn restart(&mut self, announced: Option<u64>) -> Result<(), Failure> {
        within(self.max_bytes, announced)?;
        self.gathered.clear();
        self.bytes = 0;
        let output = self.output().await?;
        self.writer = spawn_blocking(move || output.restart());
        Ok(())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) async fn finish(mut self, media_type: Option<String>) -> Result<Fetched, Failure> {
        self.hand_over().await?;
        let Output { path, digest, .. } = self.output().await?;
        Ok(Fetched { file: path, bytes: self.bytes, sha256: digest.finalize().into(), media_type })
    }

    async fn hand_over(&mut self) -> Result<(), Failure> {
        let mut output = self.output().await?;
        let full = mem::replace(&mut self.gathered, mem::take(&mut output.spare));
        self.writer = spawn_blocking(move || output.write(full));
        Ok(())
    }

    /// The output, once it is there and has written what it was given. A new writer has to follow.
    async fn output(&mut self) -> Result<Output, Failure> {
        (&mut self.writer).await.unwrap_or_else(|error| Err(io::Error::other(error))).map_err(ours)
    }
}

fn within(max_bytes: u64, announced: Option<u64>) -> Result<(), Failure> {
    if announced.is_some_and(|bytes| bytes > max_bytes) { Err(too_large(max_bytes)) } else { Ok(()) }
}

fn too_large(max_bytes: u64) -> Failure {
    Failure::new(FailureCode::TooLarge, format!("the source has more than {max_bytes} bytes"))
}

fn ours(error: io::Error) -> Failure {
    tracing::error!(%error, "a fetched body cannot be written to the work directory");
    Failure::internal()
}
