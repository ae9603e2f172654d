//! An object as a local file, for readers that need to seek.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use tempfile::TempPath;

/// A readable local file with an object's bytes. A downloaded copy is removed on drop; a store's own file is not.
#[derive(Debug)]
pub enum LocalFile {
    /// The store's own file: read only.
    Own(PathBuf),
    /// A copy.
    Copy(TempPath),
}

impl Deref for LocalFile {
    type Target = Path;
    fn deref(&self) -> &Path {
        match self {
            Self::Own(path) => path,
            Self::Copy(path) => path,
        }
    }
}
