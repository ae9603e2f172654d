//! The status service's loops. Each survives any outage of Postgres and of the broker; any number may run.

mod relay;
mod roller;

use std::sync::Arc;

use dlcs_broker::Publisher;
use dlcs_db::Database;
use dlcs_http::watch_database;
use dlcs_service::Context;
use tokio::task::JoinSet;

use crate::events::Events;
use crate::metrics::Metrics;

/// What the loops work with.
pub struct Work {
    /// The truth.
    pub database: Database,
    /// Events.
    pub publisher: Publisher,
    /// Figures.
    pub metrics: Metrics,
}

/// Starts all loops; they end once the service is told to stop.
pub fn spawn(work: Arc<Work>, events: Arc<Events>, context: &Context) -> JoinSet<()> {
    let mut loops = JoinSet::new();
    loops.spawn(roller::run(work.clone(), context.shutdown.clone()));
    loops.spawn(relay::run(work.clone(), context.shutdown.clone()));
    let shutdown = context.shutdown.clone();
    loops.spawn(async move { events.feeds.run(shutdown).await });
    loops.spawn(watch_database(work.database.clone(), context.clone()));
    loops
}
