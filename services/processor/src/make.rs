//! From a staged source to everything that is served of it: derive, verify, store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dlcs_db::queue::{Facts, Publication};
use dlcs_imaging::derive::{Derived, DerivedThumbnail, derive, verify};
use dlcs_imaging::source::{Limits, open};
use dlcs_model::limits::TILE_SIDE;
use dlcs_model::{Failure, RetryClass};
use dlcs_storage::{Descriptor, Generation, StorageKey, Store, StoreError, Thumbnail};
use tempfile::TempDir;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::thread;

/// Makes and stores derivatives.
#[derive(Clone)]
pub struct Maker {
    store: Store,
    work_dir: PathBuf,
    limits: Limits,
    pixels: u32,
    free_pixels: Arc<Semaphore>,
}

/// What was stored, everything under one generation's prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// What was derived.
    pub derived: Derived,
    /// Key of the derivative.
    pub derivative: String,
    /// The stored thumbnails, smallest first.
    pub thumbnails: Vec<Thumbnail>,
}

/// A derivative in the folder of its attempt, which is removed with the value.
struct Local {
    derived: Derived,
    derivative: PathBuf,
    folder: TempDir,
}

impl Maker {
    /// Works in `work_dir` on images of `pixels` altogether at a time.
    #[must_use]
    pub fn new(store: Store, work_dir: &Path, limits: Limits, pixels: u32) -> Self {
        let free_pixels = Arc::new(Semaphore::new(pixels as usize));
        Self { store, work_dir: work_dir.to_owned(), limits, pixels, free_pixels }
    }

    /// Makes everything of the staged source and stores it, the derivative last.
    ///
    /// # Errors
    /// What is wrong with the source; our own trouble with the store or the work directory.
    pub async fn make(&self, staging: &str, generation: Generation<'_>) -> Result<Made, Failure> {
        let local = self.derive(staging).await?;
        let stored = self.store(&local, generation).await;
        let Local { derived, folder, derivative: _ } = local;
        drop(folder);
        let (derivative, thumbnails) = stored.map_err(|error| trouble(&error))?;
        Ok(Made { derived, derivative, thumbnails })
    }

    /// Takes back what [`Self::make`] stored, for an attempt that came too late.
    pub async fn discard(&self, generation: Generation<'_>) {
        if let Err(error) = self.store.delete_prefix(&generation.to_string()).await {
            tracing::warn!(%error, prefix = %generation, "the output of a late attempt was left behind");
        }
    }

    async fn derive(&self, staging: &str) -> Result<Local, Failure> {
        let source = self.store.local(staging, &self.work_dir).await.map_err(|error| source_trouble(&error))?;
        let folder = tempfile::tempdir_in(&self.work_dir).map_err(|error| {
            tracing::error!(%error, "the work directory cannot be used");
            Failure::internal()
        })?;
        let (limits, pixels, free) = (self.limits, self.pixels, self.free_pixels.clone());
        let runtime = Handle::current();
        thread::run(move || {
            let info = *open(&source, &limits)?.info();
            let size = u64::from(info.width) * u64::from(info.height);
            let weight = u32::try_from(size).unwrap_or(u32::MAX).min(pixels);
            // Held to the end of the thread, also when nobody waits for it any more.
            let _admitted = runtime.block_on(free.acquire_many(weight));
            let derivative = folder.path().join("image.tif");
            let derived = derive(&source, &derivative, folder.path(), &limits)?;
            verify(&derivative, &derived)?;
            Ok(Local { derived, derivative, folder })
        })
        .await
    }

    async fn store(&self, local: &Local, generation: Generation<'_>) -> Result<(String, Vec<Thumbnail>), StoreError> {
        let mut thumbnails = Vec::with_capacity(local.derived.thumbnails.len());
        for DerivedThumbnail { edge, width, height, bytes, path } in &local.derived.thumbnails {
            let key = StorageKey::Thumbnail(generation, *edge);
            self.store.put_file(&key.to_string(), key.media_type(), path).await?;
            thumbnails.push(Thumbnail {
                edge: *edge,
                width: *width,
                height: *height,
                key: key.to_string(),
                bytes: *bytes,
            });
        }
        let key = StorageKey::Derivative(generation);
        self.store.put_file(&key.to_string(), key.media_type(), &local.derivative).await?;
        Ok((key.to_string(), thumbnails))
    }
}

impl Made {
    /// The descriptor that publishes what was made, as the body of its object.
    ///
    /// # Errors
    /// Never in practice.
    pub fn descriptor(&self, generation: Generation<'_>, publication: Publication) -> serde_json::Result<Vec<u8>> {
        let Derived { width, height, levels, head_length, bytes, format: _, thumbnails: _ } = self.derived;
        let Publication { max_unauthorised, roles, modified } = publication;
        serde_json::to_vec(&Descriptor {
            format: Descriptor::FORMAT,
            image: generation.image.clone(),
            generation: generation.generation,
            width,
            height,
            tile: TILE_SIDE,
            levels,
            derivative: self.derivative.clone(),
            derivative_bytes: bytes,
            head_length,
            thumbnails: self.thumbnails.clone(),
            max_unauthorised,
            roles,
            modified: modified.timestamp(),
        })
    }

    /// What the database keeps of it.
    #[must_use]
    pub fn facts(&self) -> Facts {
        Facts {
            width: self.derived.width,
            height: self.derived.height,
            media_type: self.derived.format.media_type().to_owned(),
            derivative: self.derivative.clone(),
            size: self.derived.bytes,
            thumbnail_size: self.thumbnail_bytes(),
        }
    }

    /// Bytes of all thumbnails.
    #[must_use]
    pub fn thumbnail_bytes(&self) -> u64 {
        self.thumbnails.iter().map(|thumbnail| thumbnail.bytes).sum()
    }
}

/// A source that is gone can only be fetched again; everything else passes.
fn source_trouble(error: &StoreError) -> Failure {
    let mut failure = trouble(error);
    if error.is_not_found() {
        failure.class = RetryClass::Unsure;
    }
    failure
}

fn trouble(error: &StoreError) -> Failure {
    tracing::error!(%error, "the object store failed");
    Failure::internal()
}
