//! What an operator tells the status service.

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
}

impl AsRef<ServiceSettings> for Settings {
    fn as_ref(&self) -> &ServiceSettings {
        &self.service
    }
}
