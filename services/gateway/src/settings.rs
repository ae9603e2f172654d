//! What an operator tells the gateway.

use std::path::PathBuf;
use std::time::Duration;

use dlcs_broker::BrokerSettings;
use dlcs_db::DatabaseSettings;
use dlcs_http::HttpSettings;
use dlcs_service::ServiceSettings;
use dlcs_storage::StorageSettings;
use dlcs_vault::VaultSettings;
use secrecy::SecretString;

/// All settings of the gateway.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "gateway", version, about = "The write API: registers images and hands out their work")]
pub struct Settings {
    /// Ports and logs.
    #[command(flatten)]
    pub service: ServiceSettings,
    /// The API's port.
    #[command(flatten)]
    pub http: HttpSettings,
    /// Postgres.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// RabbitMQ.
    #[command(flatten)]
    pub broker: BrokerSettings,
    /// The object store.
    #[command(flatten)]
    pub storage: StorageSettings,
    /// The first administrator.
    #[command(flatten)]
    pub admin: AdminSettings,
    /// The keys that seal credentials.
    #[command(flatten)]
    pub vault: VaultSettings,
    /// Registering and handing out.
    #[command(flatten)]
    pub queue: QueueSettings,
    /// Bytes that clients send.
    #[command(flatten)]
    pub upload: UploadSettings,
    /// Removing what nobody needs.
    #[command(flatten)]
    pub collect: CollectSettings,
}

impl AsRef<ServiceSettings> for Settings {
    fn as_ref(&self) -> &ServiceSettings {
        &self.service
    }
}

/// The administrator that is there from the start. Both or neither.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Administrator")]
pub struct AdminSettings {
    /// API key of the first administrator, who is created at start.
    #[arg(long, env = "DLCS_ADMIN_KEY", requires = "admin_secret")]
    pub admin_key: Option<String>,

    /// Its secret.
    #[arg(long, env = "DLCS_ADMIN_SECRET", hide_env_values = true, requires = "admin_key")]
    pub admin_secret: Option<SecretString>,
}

/// How registrations are taken and their work is handed out.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Queue")]
pub struct QueueSettings {
    /// Images in one batch at most.
    #[arg(long = "queue-max-members", env = "DLCS_QUEUE_MAX_MEMBERS", default_value_t = dlcs_model::limits::BATCH_MEMBERS)]
    pub max_members: usize,

    /// Seconds that an immediate registration is waited for; after them it is answered with 202.
    #[arg(long = "queue-wait-seconds", env = "DLCS_QUEUE_WAIT_SECONDS", default_value = "120", value_parser = seconds)]
    pub wait: Duration,

    /// Hints of one stage and lane that are in the broker at most; twice the workers' slots is plenty.
    #[arg(long = "queue-depth", env = "DLCS_QUEUE_DEPTH", default_value_t = 64)]
    pub depth: u32,

    /// Fetches pause while more images than this wait to be processed, so that staging stays small.
    #[arg(long = "queue-process-backlog", env = "DLCS_QUEUE_PROCESS_BACKLOG", default_value_t = 1000)]
    pub process_backlog: u32,
}

/// How bytes are taken that come with a registration.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Uploads")]
pub struct UploadSettings {
    /// Folder for bytes on their way to the store, best on the file system of a file:// store.
    #[arg(long, env = "DLCS_WORK_DIR", default_value = "/tmp/dlcs")]
    pub work_dir: PathBuf,

    /// Bytes of one image at most.
    #[arg(long = "upload-max-bytes", env = "DLCS_UPLOAD_MAX_BYTES", default_value_t = dlcs_model::limits::SOURCE_BYTES)]
    pub max_bytes: u64,

    /// Images that are taken at once; further ones wait.
    #[arg(long = "upload-slots", env = "DLCS_UPLOAD_SLOTS", default_value_t = 16)]
    pub slots: u32,

    /// Bytes in the folder at most, at least the largest image's; what would be more waits.
    #[arg(long = "upload-disk-bytes", env = "DLCS_UPLOAD_DISK_BYTES", default_value_t = 8 << 30)]
    pub disk_bytes: u64,
}

/// How bytes are removed from the store that no registration needs any more.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Collection")]
pub struct CollectSettings {
    /// Seconds between two looks at all of staging and at what was discarded.
    #[arg(long = "collect-interval-seconds", env = "DLCS_COLLECT_INTERVAL_SECONDS", default_value = "3600", value_parser = seconds)]
    pub interval: Duration,

    /// Seconds that bytes stay which no registration names, or which were served until a newer registration or a
    /// deletion: longer than any request takes.
    #[arg(long = "collect-grace-seconds", env = "DLCS_COLLECT_GRACE_SECONDS", default_value = "86400", value_parser = seconds)]
    pub grace: Duration,
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}
