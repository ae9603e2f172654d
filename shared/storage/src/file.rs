//! A store in a local folder.

use std::fs::{self, File};
use std::io::{self, IoSliceMut, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use moka::sync::Cache;
use rustix::io::{ReadWriteFlags, preadv2};
use tokio::task::spawn_blocking;

use crate::buffer::Buffer;
use crate::list::{Listed, Removed, walk};
use crate::{LocalFile, StoreError};

/// Open files kept for ranged reads; well below the usual limit of 1,024 descriptors.
const OPEN_FILES: u64 = 512;

/// Files not read for this long are closed, so that deleted ones give their space back.
const OPEN_IDLE: Duration = Duration::from_secs(60);

pub(crate) struct FileStore {
    root: PathBuf,
    open: Cache<String, Arc<File>>,
}

impl FileStore {
    pub(crate) async fn open(root: PathBuf) -> Result<Self, StoreError> {
        let temporary = root.join(".tmp");
        let shown = root.display().to_string();
        tokio::fs::create_dir_all(&temporary).await.map_err(|e| StoreError::io(&shown, e))?;
        let open = Cache::builder().max_capacity(OPEN_FILES).time_to_idle(OPEN_IDLE).build();
        Ok(Self { root, open })
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    /// Where bytes are gathered before they get their name.
    fn temporary(&self) -> PathBuf {
        self.root.join(".tmp").join(uuid::Uuid::new_v4().simple().to_string())
    }

    pub(crate) async fn put(&self, key: &str, _media_type: &str, body: Bytes) -> Result<(), StoreError> {
        let (target, temporary) = (self.path(key), self.temporary());
        blocking(key, move || {
            File::create_new(&temporary)?.write_all(&body)?;
            publish(&temporary, &target)
        })
        .await
    }

    pub(crate) async fn put_file(&self, key: &str, _media_type: &str, file: &Path) -> Result<(), StoreError> {
        let (target, temporary, file) = (self.path(key), self.temporary(), file.to_owned());
        blocking(key, move || {
            // A rename takes the file; from another file system it has to be copied.
            if fs::rename(&file, &temporary).is_err() {
                fs::copy(&file, &temporary)?;
            }
            publish(&temporary, &target)
        })
        .await
    }

    pub(crate) async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        let path = self.path(key);
        blocking(key, move || fs::read(path).map(Bytes::from)).await
    }

    /// Reads without leaving the thread when the bytes are in the page cache, which is the rule for what people look
    /// at; only a read that would wait for the disk goes to the pool.
    pub(crate) async fn get_range(&self, key: &str, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        let file = self.opened(key)?;
        let end = offset + length;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let mut buffer = Buffer::new(length);
        let mut done = 0;
        while done < length {
            let mut slices = [IoSliceMut::new(&mut buffer.as_mut()[done..])];
            match preadv2(&*file, &mut slices, offset + done as u64, ReadWriteFlags::NOWAIT) {
                Ok(0) => return Err(StoreError::Short { key: key.to_owned(), end }),
                Ok(read) => done += read,
                Err(_) => break,
            }
        }
        if done < length {
            buffer = blocking(key, move || {
                file.read_exact_at(&mut buffer.as_mut()[done..], offset + done as u64)?;
                Ok(buffer)
            })
            .await
            .map_err(|error| match error {
                StoreError::Io { key, source } if source.kind() == io::ErrorKind::UnexpectedEof => {
                    StoreError::Short { key, end }
                }
                other => other,
            })?;
        }
        Ok(buffer.freeze())
    }

    fn opened(&self, key: &str) -> Result<Arc<File>, StoreError> {
        if let Some(file) = self.open.get(key) {
            return Ok(file);
        }
        let file = Arc::new(File::open(self.path(key)).map_err(|e| StoreError::io(key, e))?);
        self.open.insert(key.to_owned(), file.clone());
        Ok(file)
    }

    pub(crate) async fn size(&self, key: &str) -> Result<u64, StoreError> {
        let path = self.path(key);
        blocking(key, move || fs::metadata(path).map(|m| m.len())).await
    }

    pub(crate) async fn local(&self, key: &str, _work_dir: &Path) -> Result<LocalFile, StoreError> {
        self.size(key).await?;
        Ok(LocalFile::Own(self.path(key)))
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.open.invalidate(key);
        let path = self.path(key);
        absent_is_fine(blocking(key, move || fs::remove_file(path)).await)
    }

    pub(crate) async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, StoreError> {
        let (root, folder) = (self.root.clone(), PathBuf::from(prefix));
        let after = PathBuf::from(after.unwrap_or_default());
        let listed = blocking(prefix, move || {
            let mut page = Vec::new();
            walk(&root, &folder, &after, &mut page)?;
            Ok(page)
        });
        absent_is_fine(listed.await)
    }

    pub(crate) async fn delete_prefix(&self, prefix: &str) -> Result<Removed, StoreError> {
        let path = self.path(prefix);
        let removed = blocking(prefix, move || {
            let mut removed = Removed::default();
            measure(&path, &mut removed)?;
            fs::remove_dir_all(&path)?;
            Ok(removed)
        });
        absent_is_fine(removed.await)
    }
}

fn absent_is_fine<T: Default>(result: Result<T, StoreError>) -> Result<T, StoreError> {
    match result {
        Err(StoreError::NotFound(_)) => Ok(T::default()),
        other => other,
    }
}

fn measure(folder: &Path, sum: &mut Removed) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            measure(&entry.path(), sum)?;
        } else {
            sum.add(entry.metadata()?.len());
        }
    }
    Ok(())
}

/// Gives written bytes their name. They are on the disk before the name is, so that a power cut leaves either the old
/// object or the new one; the name itself is on the disk when this returns.
fn publish(temporary: &Path, target: &Path) -> io::Result<()> {
    let named = || {
        let folder = target.parent().unwrap_or(Path::new("/"));
        File::open(temporary)?.sync_data()?;
        if fs::rename(temporary, target).is_err() {
            fs::create_dir_all(folder)?;
            fs::rename(temporary, target)?;
        }
        File::open(folder)?.sync_data()
    };
    named().inspect_err(|_| {
        let _ = fs::remove_file(temporary);
    })
}

async fn blocking<T, F>(key: &str, work: F) -> Result<T, StoreError>
where
    T: Send + 'static,
    F: FnOnce() -> io::Result<T> + Send + 'static,
{
    let result = spawn_blocking(work).await.unwrap_or_else(|e| Err(io::Error::other(e)));
    result.map_err(|e| StoreError::io(key, e))
}
