//! What the image service can be told.

use std::net::SocketAddr;

use dlcs_service::ServiceSettings;
use dlcs_storage::StorageSettings;

/// Which requests are logged, one line each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum AccessLog {
    /// Every request. A line costs about as much as serving a tile.
    All,
    /// All but those answered by a copy of stored bytes.
    Made,
    /// Refusals and failures, and what took longer than a second.
    Problems,
}

/// What happens to a client that wants more pixels composed than its share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ClientLimit {
    /// It is served, counted, and named in the log.
    Observe,
    /// It is answered 429 with Retry-After.
    Enforce,
}

/// Settings of the image service.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "images", version, about = "IIIF Image API 3.0 and 2.1 over the object store")]
pub struct Settings {
    /// What every service has.
    #[command(flatten)]
    pub service: ServiceSettings,

    /// Where the objects are.
    #[command(flatten)]
    pub storage: StorageSettings,

    /// How images are delivered.
    #[command(flatten)]
    pub delivery: DeliverySettings,
}

impl AsRef<ServiceSettings> for Settings {
    fn as_ref(&self) -> &ServiceSettings {
        &self.service
    }
}

/// How images are delivered.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Delivery")]
pub struct DeliverySettings {
    /// Address that requests come in at.
    #[arg(long, env = "DLCS_LISTEN", default_value = "0.0.0.0:8083")]
    pub listen: SocketAddr,

    /// Root of the public URLs in answers. Without it they are what the request was sent to: its Host header.
    #[arg(long, env = "DLCS_PUBLIC_URL")]
    pub public_url: Option<String>,

    /// Whether X-Forwarded-Proto and X-Forwarded-Host are believed where no public root is set, and the client's address is
    /// taken from the end of X-Forwarded-For: only behind a proxy that sets them.
    #[arg(long, env = "DLCS_HTTP_TRUST_FORWARDED", default_value = "false", action = clap::ArgAction::Set)]
    pub trust_forwarded: bool,

    /// Pixels on the longer side of a composed answer, at most.
    #[arg(long, env = "DLCS_IIIF_MAX_WIDTH", default_value = "5000", value_parser = clap::value_parser!(u32).range(1..=16_383))]
    pub max_width: u32,

    /// Pixels of a composed answer, at most.
    #[arg(long, env = "DLCS_IIIF_MAX_AREA", default_value = "25000000", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_area: u64,

    /// Seconds for which browsers and proxies may keep an image without asking again.
    #[arg(long, env = "DLCS_IMAGES_MAX_AGE", default_value = "3600")]
    pub max_age: u32,

    /// Milliseconds for which an image's descriptor is trusted before it is read again: how long a deleted image may still
    /// be seen, or one that was registered again be seen as it was.
    #[arg(long, env = "DLCS_IMAGES_DESCRIPTOR_MS", default_value = "1000", value_parser = clap::value_parser!(u64).range(1..=4000))]
    pub descriptor_ms: u64,

    /// Megabytes of composed answers that are kept in memory.
    #[arg(long, env = "DLCS_IMAGES_CACHE_MB", default_value = "32")]
    pub cache_mb: u64,

    /// Megabytes of derivatives' heads that are kept in memory.
    #[arg(long, env = "DLCS_IMAGES_HEAD_CACHE_MB", default_value = "128")]
    pub head_cache_mb: u64,

    /// Megabytes of tiles and thumbnails read of a remote store that are kept in memory; 0 keeps none. A store in a folder
    /// needs none: the system keeps its files.
    #[arg(long, env = "DLCS_IMAGES_BLOCK_CACHE_MB", default_value = "64")]
    pub block_cache_mb: u64,

    /// Megabytes that answers being composed may take together; what does not fit waits.
    #[arg(long, env = "DLCS_IMAGES_DECODE_MB", default_value = "512", value_parser = clap::value_parser!(u32).range(16..=65_536))]
    pub decode_mb: u32,

    /// Milliseconds that a request waits for memory or a processor before it is answered 503.
    #[arg(long, env = "DLCS_IMAGES_WAIT_MS", default_value = "2000")]
    pub wait_ms: u64,

    /// Answers composed at the same time; 0 is one for each processor.
    #[arg(long, env = "DLCS_IMAGES_RENDERERS", default_value = "0")]
    pub renderers: usize,

    /// Million pixels, read and answered together, that one client may have composed in ten minutes, at each replica; 0 is no
    /// limit. Stored tiles and thumbnails, answers that are kept, and compositions of 2 million pixels or fewer do not count.
    #[arg(long, env = "DLCS_IMAGES_CLIENT_MEGAPIXELS", default_value = "500")]
    pub client_megapixels: u32,

    /// What happens to a client that wants more. A client is an address, of IPv6 a /64 network: behind a proxy whose
    /// X-Forwarded-For is not believed, all of them are one.
    #[arg(long, env = "DLCS_IMAGES_CLIENT_LIMIT", value_enum, default_value = "observe")]
    pub client_limit: ClientLimit,

    /// Which requests are logged.
    #[arg(long, env = "DLCS_IMAGES_ACCESS_LOG", value_enum, default_value = "made")]
    pub access_log: AccessLog,
}
