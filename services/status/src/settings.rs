//! What an operator tells the status service.

use std::time::Duration;

use dlcs_broker::BrokerSettings;
use dlcs_db::DatabaseSettings;
use dlcs_http::HttpSettings;
use dlcs_service::ServiceSettings;

/// All settings of the status service.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "status", version, about = "The API that tells how batches and queues stand")]
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
    /// Streams of events.
    #[command(flatten)]
    pub events: EventSettings,
}

/// How streams of events are kept alive.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Events")]
pub struct EventSettings {
    /// Seconds between two signs of life on a stream; shorter than any proxy waits. As often it is checked that the caller's key is still good.
    #[arg(long = "events-heartbeat-seconds", env = "DLCS_EVENTS_HEARTBEAT_SECONDS", default_value = "15", value_parser = seconds)]
    pub heartbeat: Duration,
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse::<std::num::NonZeroU32>().map(|seconds| Duration::from_secs(seconds.get().into()))
}

impl AsRef<ServiceSettings> for Settings {
    fn as_ref(&self) -> &ServiceSettings {
        &self.service
    }
}
