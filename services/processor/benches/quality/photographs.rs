//! What pictures are made of: the JPEGs in the folder that `DLCS_BENCH_PHOTOS` names, by name.

use std::path::PathBuf;

pub fn photographs() -> Vec<PathBuf> {
    let folder = std::env::var("DLCS_BENCH_PHOTOS").expect("DLCS_BENCH_PHOTOS names a folder of JPEGs");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|e| e == "jpg")).collect();
    files.sort();
    files
}
