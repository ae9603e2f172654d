//! Real photographs to register.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

/// The folder of photographs that `./deploy/local/test` fetches.
pub const VARIABLE: &str = "DLCS_TEST_PHOTOS";

/// All of them, by name.
///
/// # Errors
/// There are none.
pub fn all() -> anyhow::Result<Vec<(String, Arc<Vec<u8>>)>> {
    let folder = std::env::var(VARIABLE).context("DLCS_TEST_PHOTOS is not set: run ./deploy/local/test")?;
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)?.filter_map(|e| Some(e.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "jpg"));
    files.sort();
    anyhow::ensure!(!files.is_empty(), "{folder} holds no photographs");
    let read = |file: PathBuf| {
        let name = file.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        Ok((name, Arc::new(std::fs::read(file)?)))
    };
    files.into_iter().map(read).collect()
}
