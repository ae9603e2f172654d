//! From a staged source to everything that is served of it: derive, verify, store.

use dlcs_db::queue::{Facts, Publication};
use dlcs_imaging::derive::{Derived, DerivedThumbnail, Outputs};
use dlcs_imaging::source::Limits;
use dlcs_model::limits::{THUMBNAILS, TILE_SIDE};
use dlcs_model::{Failure, FailureCode, RetryClass};
use dlcs_storage::{Descriptor, Generation, StorageKey, Store, StoreError, Thumbnail};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

use crate::sandbox::{Decoders, Job};

/// Makes and stores derivatives.
#[derive(Clone)]
pub struct Maker {
    store: Store,
    work_dir: PathBuf,
    limits: Limits,
    decoders: Decoders,
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
    /// Works in `work_dir`.
    #[must_use]
    pub fn new(store: Store, work_dir: &Path, limits: Limits, decoders: Decoders) -> Self {
        Self { store, work_dir: work_dir.to_owned(), limits, decoders }
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
        let ours = |error: io::Error| {
            tracing::error!(%error, "the work directory cannot be used");
            Failure::internal()
        };
        let folder = tempfile::tempdir_in(&self.work_dir).map_err(ours)?;
        let derivative = folder.path().join("image.tif");
        let outputs = Outputs::create(&derivative, folder.path()).map_err(ours)?;
        let job = Job { source: File::open(&*source).map_err(ours)?, outputs, limits: self.limits };
        let derived = self.decoders.derive(&job).await?;
        check(&job, &derived)?;
        Ok(Local { derived, derivative, folder })
    }

    async fn store(&self, local: &Local, generation: Generation<'_>) -> Result<(String, Vec<Thumbnail>), StoreError> {
        let mut thumbnails = Vec::with_capacity(local.derived.thumbnails.len());
        for DerivedThumbnail { edge, width, height, bytes } in &local.derived.thumbnails {
            let key = StorageKey::Thumbnail(generation, *edge);
            let path = Outputs::thumbnail(local.folder.path(), *edge);
            self.store.put_file(&key.to_string(), key.media_type(), &path).await?;
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

/// Whether the files are as long as a decoder says, and the size is one that was asked for: what is charged to a customer is
/// not for it to choose. A decoder that lies is as good as one that died.
fn check(Job { source: _, outputs, limits }: &Job, derived: &Derived) -> Result<(), Failure> {
    let long = |file: &File, bytes: u64| file.metadata().is_ok_and(|metadata| metadata.len() == bytes);
    let thumbnail = |thumbnail: &DerivedThumbnail| {
        let files = THUMBNAILS.into_iter().zip(&outputs.thumbnails);
        files.filter(|(edge, _)| *edge == thumbnail.edge).any(|(_, file)| long(file, thumbnail.bytes))
    };
    let size = limits.admit(derived.width, derived.height, false);
    if size.is_ok() && long(&outputs.derivative, derived.bytes) && derived.thumbnails.iter().all(thumbnail) {
        return Ok(());
    }
    tracing::error!(?derived, "a decoder made something else than it says");
    Err(Failure::new(FailureCode::DecoderCrash, "the decoder made something else than it says"))
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
