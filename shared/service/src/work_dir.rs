//! Where a service puts temporary files: a folder of its own, without what earlier processes left behind.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The folder of this process; removed with the value.
#[derive(Debug)]
pub struct WorkDir(PathBuf);

impl WorkDir {
    /// Makes the folder of this process, and removes those of processes of the same service that have died.
    ///
    /// # Errors
    /// If the folder cannot be made.
    pub fn open(root: &Path, service: &str) -> anyhow::Result<Self> {
        let context = || format!("the work directory {} cannot be used", root.display());
        std::fs::create_dir_all(root).with_context(context)?;
        remove_left_behind(root, service).with_context(context)?;
        let own = root.join(format!("{service}-{}", std::process::id()));
        std::fs::create_dir_all(&own).with_context(context)?;
        Ok(Self(own))
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for WorkDir {
    fn drop(&mut self) {
        // What cannot be removed now is removed at the next start.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn remove_left_behind(root: &Path, service: &str) -> io::Result<()> {
    let prefix = format!("{service}-");
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(&prefix)?.parse::<u32>().ok());
        let left_behind = owner.is_some_and(|pid| pid == std::process::id() || !is_alive(pid));
        if left_behind {
            std::fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

fn is_alive(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_dead_left_behind_goes_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let (dead, alive) = (u32::MAX, 1);
        for folder in
            [format!("fetcher-{dead}"), format!("fetcher-{alive}"), format!("processor-{dead}"), "other".into()]
        {
            std::fs::create_dir(root.path().join(&folder)).unwrap();
            std::fs::write(root.path().join(folder).join("file"), b"x").unwrap();
        }
        let own = WorkDir::open(root.path(), "fetcher").unwrap();
        let listed = || {
            let mut names: Vec<_> = std::fs::read_dir(root.path())
                .unwrap()
                .map(|e| e.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            names
        };
        let own_name = own.path().file_name().unwrap().to_str().unwrap().to_owned();
        let mut expected = vec!["fetcher-1".to_owned(), own_name, "other".into(), format!("processor-{dead}")];
        expected.sort();
        assert_eq!(listed(), expected);
        drop(own);
        assert_eq!(listed().len(), 3);
    }
}
