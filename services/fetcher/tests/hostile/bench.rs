//! The fetcher's origins under the settings of a test.

use std::path::Path;

use clap::{Args, FromArgMatches};
use dlcs_db::{Database, DatabaseSettings};
use dlcs_model::{CustomerId, Failure, Origin};
use dlcs_storage::StorageSettings;
use fetcher::FetchSettings;
use fetcher::access::Access;
use fetcher::origins::{Fetched, Origins};
use tempfile::TempDir;

/// Settings as an operator would give them, with short limits.
pub fn settings(more: &[&str]) -> FetchSettings {
    let arguments = ["test", "--fetch-header-seconds=0.5", "--fetch-rate-seconds=0.5", "--fetch-total-seconds=2"];
    let command = FetchSettings::augment_args(clap::Command::new("test"));
    let matches = command.get_matches_from(arguments.iter().chain(more));
    FetchSettings::from_arg_matches(&matches).unwrap()
}

pub struct Bench {
    pub origins: Origins,
    work: TempDir,
}

impl Bench {
    pub fn new(more: &[&str]) -> Self {
        // An error means that a provider is already there, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let work = tempfile::tempdir().unwrap();
        let storage = StorageSettings::folder(Path::new("/nowhere"));
        // Connected to only for SFTP, which has tests of its own.
        let database = Database::connect(&DatabaseSettings::at("postgres://127.0.0.1:1/none")).unwrap();
        Self { origins: Origins::new(&settings(more), &storage, database, work.path()).unwrap(), work }
    }

    pub fn open() -> Self {
        Self::open_with("--fetch-per-host=8")
    }

    pub fn open_with(more: &str) -> Self {
        Self::new(&["--fetch-allow-networks=127.0.0.2/32", "--fetch-max-bytes=1000000", more])
    }

    pub async fn fetch(&self, url: &str) -> Result<Fetched, Failure> {
        self.fetch_as(url, &Access::Open).await
    }

    pub async fn fetch_as(&self, url: &str, access: &Access) -> Result<Fetched, Failure> {
        self.origins.fetch(&Origin::parse(url).unwrap(), CustomerId(1), access).await
    }

    pub fn files(&self) -> usize {
        std::fs::read_dir(self.work.path()).unwrap().count()
    }
}

pub fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}
