//! Bytes that clients send: through a file in the work folder into the object store, never held in memory.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::Bytes;
use dlcs_api::ProblemKind;
use dlcs_db::queue::Staged;
use dlcs_http::Problem;
use dlcs_model::CustomerId;
use dlcs_service::{Context, WorkDir};
use dlcs_storage::StorageKey;
use futures::{Stream, StreamExt};
use prometheus::HistogramTimer;
use sha2::{Digest, Sha256};
use tempfile::{NamedTempFile, TempPath};
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::Gateway;
use crate::metrics::Metrics;
use crate::settings::UploadSettings;

/// Bytes gathered before they are written.
const BUFFER: usize = 256 * 1024;
/// How long a request waits for a place.
const WAIT: Duration = Duration::from_secs(60);
/// The unit in which disk space is given out.
const UNIT: u64 = 1024 * 1024;

/// The room for uploads.
pub struct Uploads {
    folder: WorkDir,
    /// Bytes of one image at most.
    pub max_bytes: u64,
    slots: Arc<Semaphore>,
    disk: Arc<Semaphore>,
}

/// The right to take bytes; given back when dropped.
pub struct Place {
    _permits: (OwnedSemaphorePermit, OwnedSemaphorePermit),
    _counted: Counted,
    timer: HistogramTimer,
}

/// Bytes in the work folder; they go with the value.
pub struct Received {
    file: TempPath,
    bytes: u64,
    sha256: [u8; 32],
    media_type: Option<String>,
    place: Place,
}

/// Counts an upload as long as it lives.
struct Counted(prometheus::IntGauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Uploads {
    /// With a folder of its own.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn open(settings: &UploadSettings, context: &Context) -> anyhow::Result<Self> {
        let UploadSettings { work_dir, max_bytes, slots, disk_bytes } = settings;
        // The largest image must fit, or it would wait for ever.
        let disk = units((*disk_bytes).max(*max_bytes));
        Ok(Self {
            folder: WorkDir::open(work_dir, context.name)?,
            max_bytes: *max_bytes,
            slots: Arc::new(Semaphore::new(*slots as usize)),
            disk: Arc::new(Semaphore::new(disk as usize)),
        })
    }

    /// Refuses what is announced as too large.
    ///
    /// # Errors
    /// 413.
    pub fn check_size(&self, bytes: u64) -> Result<(), Problem> {
        if bytes > self.max_bytes { Err(self.too_large()) } else { Ok(()) }
    }

    fn too_large(&self) -> Problem {
        let detail = format!("the bytes of an image are more than the limit of {}", self.max_bytes);
        Problem::new(ProblemKind::TooLarge, detail)
    }

    /// Waits for a place. What does not say how large it is may become as large as is allowed.
    ///
    /// # Errors
    /// 503 if there is none for long.
    pub async fn admit(&self, announced: Option<u64>, metrics: &Metrics) -> Result<Place, Problem> {
        let disk = units(announced.unwrap_or(self.max_bytes).min(self.max_bytes));
        let both =
            async { tokio::try_join!(self.slots.clone().acquire_owned(), self.disk.clone().acquire_many_owned(disk)) };
        match tokio::time::timeout(WAIT, both).await {
            Ok(permits) => {
                metrics.uploading.inc();
                let counted = Counted(metrics.uploading.clone());
                let timer = metrics.upload.start_timer();
                Ok(Place { _permits: permits.map_err(Problem::internal)?, _counted: counted, timer })
            }
            Err(_) => Err(Problem::unavailable("there was no room for an upload")),
        }
    }

    /// Takes all bytes of a stream.
    ///
    /// # Errors
    /// What the stream says, 413 if they are too many, 400 if there are none.
    pub async fn receive<S>(&self, mut stream: S, place: Place, media_type: Option<String>) -> Result<Received, Problem>
    where
        S: Stream<Item = Result<Bytes, Problem>> + Unpin,
    {
        let (file, path) = NamedTempFile::new_in(self.folder.path()).map_err(trouble)?.into_parts();
        let mut writer = BufWriter::with_capacity(BUFFER, tokio::fs::File::from_std(file));
        let (mut digest, mut bytes) = (Sha256::new(), 0);
        while let Some(chunk) = stream.next().await {
            let chunk = chunk?;
            bytes += chunk.len() as u64;
            self.check_size(bytes)?;
            digest.update(&chunk);
            writer.write_all(&chunk).await.map_err(trouble)?;
        }
        writer.flush().await.map_err(trouble)?;
        if bytes == 0 {
            return Err(Problem::fault("empty-file", "/file", "there are no bytes of an image"));
        }
        Ok(Received { file: path, bytes, sha256: digest.finalize().into(), media_type, place })
    }
}

impl Received {
    /// Puts the bytes into the store, where they wait to be processed.
    ///
    /// # Errors
    /// 503 if the store fails.
    pub async fn store(self, customer: CustomerId, gateway: &Gateway) -> Result<Staged, Problem> {
        let Self { file, bytes, sha256, media_type, place } = self;
        let key = StorageKey::Upload { customer, token: Uuid::new_v4() };
        let path: &Path = &file;
        gateway.store.put_file(&key.to_string(), key.media_type(), path).await.map_err(Problem::unavailable)?;
        gateway.metrics.uploaded.inc_by(bytes);
        place.timer.observe_duration();
        Ok(Staged { key: key.to_string(), bytes, sha256: sha256.to_vec(), media_type })
    }
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX >> 3).min(u32::MAX >> 3)
}

fn trouble(error: std::io::Error) -> Problem {
    Problem::unavailable(format!("the work folder cannot be used: {error}"))
}
