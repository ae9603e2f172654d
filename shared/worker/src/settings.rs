//! Settings of every worker.

use std::path::PathBuf;

/// Settings of every worker; flattened into a service's own settings.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Worker")]
pub struct WorkerSettings {
    /// Folder for temporary files, best on the file system of a file:// store.
    #[arg(long, env = "DLCS_WORK_DIR", default_value = "/tmp/dlcs")]
    pub work_dir: PathBuf,

    /// Seconds between two signs of life of a job. Its lease lasts 60 s, so that a few may be lost.
    #[arg(long, env = "DLCS_WORK_HEARTBEAT", default_value_t = 15)]
    pub heartbeat: u64,
}
