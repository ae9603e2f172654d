//! The local file that a body is streamed into, with the limit on its size and its checksum.

use std::path::{Path, PathBuf};

use dlcs_model::{Failure, FailureCode};
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};
use tokio::io::{AsyncSeekExt, AsyncWriteExt, BufWriter};

/// Bytes gathered before they are written.
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

/// A body on its way.
pub(super) struct Sink {
    writer: BufWriter<tokio::fs::File>,
    path: TempPath,
    digest: Sha256,
    bytes: u64,
    max_bytes: u64,
}

impl Workshop {
    /// An empty file for a body whose announced size, if any, is within the limit.
    pub(super) fn begin(&self, announced: Option<u64>) -> Result<Sink, Failure> {
        within(self.max_bytes, announced)?;
        let (file, path) = NamedTempFile::new_in(&self.directory).map_err(ours)?.into_parts();
        let writer = BufWriter::with_capacity(BUFFER, tokio::fs::File::from_std(file));
        Ok(Sink { writer, path, digest: Sha256::new(), bytes: 0, max_bytes: self.max_bytes })
    }
}

impl Sink {
    pub(super) async fn write(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        self.bytes += chunk.len() as u64;
        if self.bytes > self.max_bytes {
            return Err(too_large(self.max_bytes));
        }
        self.digest.update(chunk);
        self.writer.write_all(chunk).await.map_err(ours)
    }

    /// Forgets what has come: the body begins again.
    pub(super) async fn restart(&mut self, announced: Option<u64>) -> Result<(), Failure> {
        within(self.max_bytes, announced)?;
        self.writer.flush().await.map_err(ours)?;
        let file = self.writer.get_mut();
        file.set_len(0).await.map_err(ours)?;
        file.rewind().await.map_err(ours)?;
        (self.digest, self.bytes) = (Sha256::new(), 0);
        Ok(())
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) async fn finish(mut self, media_type: Option<String>) -> Result<Fetched, Failure> {
        self.writer.flush().await.map_err(ours)?;
        Ok(Fetched { file: self.path, bytes: self.bytes, sha256: self.digest.finalize().into(), media_type })
    }
}

fn within(max_bytes: u64, announced: Option<u64>) -> Result<(), Failure> {
    if announced.is_some_and(|bytes| bytes > max_bytes) { Err(too_large(max_bytes)) } else { Ok(()) }
}

fn too_large(max_bytes: u64) -> Failure {
    Failure::new(FailureCode::TooLarge, format!("the source has more than {max_bytes} bytes"))
}

fn ours(error: std::io::Error) -> Failure {
    tracing::error!(%error, "a fetched body cannot be written to the work directory");
    Failure::internal()
}
