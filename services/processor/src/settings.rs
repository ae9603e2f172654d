//! What an operator tells the processor.

use std::path::PathBuf;
use std::time::Duration;

use dlcs_broker::BrokerSettings;
use dlcs_db::DatabaseSettings;
use dlcs_imaging::source::Limits;
use dlcs_model::limits::{SIDE_PIXELS, STREAMED_PIXELS, WHOLE_PIXELS};
use dlcs_service::ServiceSettings;
use dlcs_storage::StorageSettings;
use dlcs_worker::WorkerSettings;

use crate::sandbox::{Budget, Decoders, Program};

/// Settings of the processor. `processor derive IN OUT.tif` needs none of them.
#[derive(Debug, Clone, clap::Parser)]
#[command(
    name = "processor",
    about = "Makes derivatives of fetched images; \"processor derive IN OUT.tif\" of a local file"
)]
pub struct Settings {
    /// `serve`, which is also what happens without a word.
    #[arg(value_enum, hide = true)]
    pub command: Option<Command>,
    /// Of every service.
    #[command(flatten)]
    pub service: ServiceSettings,
    /// Of the database.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// Of the broker.
    #[command(flatten)]
    pub broker: BrokerSettings,
    /// Of the object store.
    #[command(flatten)]
    pub storage: StorageSettings,
    /// Of every worker.
    #[command(flatten)]
    pub worker: WorkerSettings,
    /// Of this service.
    #[command(flatten)]
    pub process: ProcessSettings,
}

/// What the processor can be told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Command {
    /// Process what is queued.
    Serve,
}

impl AsRef<ServiceSettings> for Settings {
    fn as_ref(&self) -> &ServiceSettings {
        &self.service
    }
}

/// How sources are processed.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Processing")]
pub struct ProcessSettings {
    /// Images processed at the same time; a fifth of that, at least one, is kept in addition for the priority lane.
    /// Without it, as many as there are cores.
    #[arg(long = "process-slots", env = "DLCS_PROCESS_SLOTS")]
    pub slots: Option<u16>,

    /// Megabytes that decoding all images at the same time may take. What does not fit waits; an image that takes more
    /// by itself is refused: a JPEG 2000 takes about 24 bytes a pixel, in tiles 15, one read in strips next to nothing.
    #[arg(long = "process-memory-mb", env = "DLCS_PROCESS_MEMORY_MB", default_value_t = 4096)]
    pub memory_mb: u32,

    /// Seconds that decoding an image may take.
    #[arg(long = "process-seconds", env = "DLCS_PROCESS_SECONDS", default_value_t = 600,
          value_parser = clap::value_parser!(u64).range(1..))]
    pub seconds: u64,

    /// Pixels of a source that can be decoded in strips.
    #[arg(long = "process-max-pixels", env = "DLCS_PROCESS_MAX_PIXELS", default_value_t = STREAMED_PIXELS)]
    pub max_pixels: u64,

    /// Pixels of a source that must be decoded as a whole.
    #[arg(long = "process-max-whole-pixels", env = "DLCS_PROCESS_MAX_WHOLE_PIXELS", default_value_t = WHOLE_PIXELS)]
    pub max_whole_pixels: u64,

    /// The program that decoders are started from, if it is not this one.
    #[arg(long = "process-decoder", hide = true)]
    pub decoder: Option<PathBuf>,
}

impl ProcessSettings {
    /// How many images are processed at the same time.
    #[must_use]
    pub fn slots(&self) -> u16 {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.slots.unwrap_or(u16::try_from(cores).unwrap_or(u16::MAX))
    }

    /// Decoders within the budgets of memory and time.
    #[must_use]
    pub fn decoders(&self) -> Decoders {
        let program = self.decoder.as_ref().map_or_else(Program::this, Program::at);
        Decoders::new(program, Budget::new(self.memory_mb), Duration::from_secs(self.seconds))
    }

    /// What a source may be at most.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits { streamed_pixels: self.max_pixels, whole_pixels: self.max_whole_pixels, side: SIDE_PIXELS }
    }
}
