//! One type for both kinds of store.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use url::Url;

use crate::file::FileStore;
use crate::s3::S3Store;
use crate::{Listed, LocalFile, Removed, StorageSettings, StoreError};

/// A place for objects, cheap to clone. Keys are what [`crate::StorageKey`] displays, or what a descriptor names.
#[derive(Clone)]
pub struct Store(Arc<Kind>);

enum Kind {
    File(FileStore),
    S3(Box<S3Store>),
}

/// Runs the same method on whichever store it is.
macro_rules! either {
    ($store:expr, $inner:ident => $call:expr) => {
        match &*$store.0 {
            Kind::File($inner) => $call.await,
            Kind::S3($inner) => $call.await,
        }
    };
}

impl Store {
    /// Opens the store that the settings name. Nothing is written; S3 is not contacted.
    ///
    /// # Errors
    /// If the URL is neither `file:///folder` nor `s3://bucket[/prefix]`, or the folder cannot be made.
    pub async fn connect(settings: &StorageSettings) -> Result<Self, StoreError> {
        let text = &settings.storage_url;
        let url = Url::parse(text).map_err(|e| StoreError::Settings(format!("storage URL {text:?}: {e}")))?;
        let kind = match url.scheme() {
            "file" => {
                let root = url.to_file_path();
                let root = root.map_err(|()| StoreError::Settings(format!("storage URL {text:?} is no folder")))?;
                Kind::File(FileStore::open(root).await?)
            }
            "s3" => Kind::S3(Box::new(S3Store::connect(settings, &url).await?)),
            other => {
                let message = format!("storage URL has scheme {other:?}; file and s3 are possible");
                return Err(StoreError::Settings(message));
            }
        };
        Ok(Self(Arc::new(kind)))
    }

    /// Whether reading means asking another machine.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        match &*self.0 {
            Kind::File(_) => false,
            Kind::S3(_) => true,
        }
    }

    /// Stores an object, replacing one of the same key at once and whole.
    ///
    /// # Errors
    /// Our own trouble.
    pub async fn put(&self, key: &str, media_type: &str, body: Bytes) -> Result<(), StoreError> {
        either!(self, store => store.put(key, media_type, body))
    }

    /// Stores a local file as an object; the file is gone afterwards if the store could simply take it.
    ///
    /// # Errors
    /// Our own trouble.
    pub async fn put_file(&self, key: &str, media_type: &str, file: &Path) -> Result<(), StoreError> {
        either!(self, store => store.put_file(key, media_type, file))
    }

    /// Reads a whole, small object.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or our own trouble.
    pub async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        either!(self, store => store.get(key))
    }

    /// Reads exactly `length` bytes from `offset` of an object that never changes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Short`], or our own trouble.
    pub async fn get_range(&self, key: &str, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        either!(self, store => store.get_range(key, offset, length))
    }

    /// The size of an object in bytes.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or our own trouble.
    pub async fn size(&self, key: &str) -> Result<u64, StoreError> {
        either!(self, store => store.size(key))
    }

    /// An object as a local file, downloaded into `work_dir` where it is not one already.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or our own trouble.
    pub async fn local(&self, key: &str, work_dir: &Path) -> Result<LocalFile, StoreError> {
        either!(self, store => store.local(key, work_dir))
    }

    /// Removes an object; an absent one is fine.
    ///
    /// # Errors
    /// Our own trouble.
    pub async fn delete(&self, key: &str) -> Result<(), StoreError> {
        either!(self, store => store.delete(key))
    }

    /// The next objects, at most a thousand, whose keys start with `prefix` followed by `/` and come after `after`; none
    /// at the end. In an order of the store's own, the same each time.
    ///
    /// # Errors
    /// Our own trouble.
    pub async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, StoreError> {
        either!(self, store => store.list(prefix, after))
    }

    /// Removes every object whose key starts with `prefix` followed by `/`; returns what it was.
    ///
    /// # Errors
    /// Our own trouble.
    pub async fn delete_prefix(&self, prefix: &str) -> Result<Removed, StoreError> {
        either!(self, store => store.delete_prefix(prefix))
    }
}
