//! Listing a store, page by page.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

/// Objects in one page at most.
pub(crate) const PAGE: usize = 1000;

/// An object as a listing shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its size.
    pub bytes: u64,
    /// When it was stored, by the store's clock.
    pub modified: SystemTime,
}

/// What a removal took away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    /// How many objects.
    pub objects: u64,
    /// Their sizes together.
    pub bytes: u64,
}

impl Removed {
    /// One object more.
    pub(crate) fn add(&mut self, bytes: u64) {
        self.objects += 1;
        self.bytes += bytes;
    }
}

/// Adds the files below `folder` that come after `after`, in the order of their paths, until the page is full. Files
/// that go meanwhile are left out.
pub(crate) fn walk(root: &Path, folder: &Path, after: &Path, page: &mut Vec<Listed>) -> io::Result<()> {
    let mut names = Vec::new();
    for entry in fs::read_dir(root.join(folder))? {
        names.push(folder.join(entry?.file_name()));
    }
    names.sort_unstable();
    for path in names {
        if page.len() == PAGE {
            return Ok(());
        }
        if path.as_path() <= after && !after.starts_with(&path) {
            continue;
        }
        let metadata = match fs::metadata(root.join(&path)) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        if metadata.is_dir() {
            walk(root, &path, after, page)?;
        } else if path.as_path() > after
            && let Some(key) = path.to_str()
        {
            page.push(Listed { key: key.to_owned(), bytes: metadata.len(), modified: metadata.modified()? });
        }
    }
    Ok(())
}
