//! The fetcher: brings the bytes of an image from its origin into staging, within limits and past the address guard.

pub mod access;
pub mod guard;
mod hosts;
mod job;
pub mod origins;
mod settings;

use dlcs_broker::{Broker, Slots};
use dlcs_db::Database;
use dlcs_service::{Context, WorkDir};
use dlcs_storage::Store;
use dlcs_worker::Tools;
use futures::future::BoxFuture;

pub use job::Fetch;
pub use settings::{FetchSettings, Settings};

/// Fetches what is queued until the shutdown.
///
/// # Errors
/// If the settings cannot be used.
pub fn start(settings: Settings, context: Context) -> BoxFuture<'static, anyhow::Result<()>> {
    // Boxed, so that the service is compiled here once and not again in every program that awaits it.
    Box::pin(run(settings, context))
}

async fn run(settings: Settings, context: Context) -> anyhow::Result<()> {
    let Settings { service: _, database, broker, storage, worker, fetch } = settings;
    for network in &fetch.allow_networks.0 {
        tracing::warn!(%network, "the address guard lets this network through");
    }
    let work_dir = WorkDir::open(&worker.work_dir, context.name)?;
    let store = Store::connect(&storage).await?;
    let work = Fetch::new(&fetch, &storage, store, work_dir.path())?;
    let broker = Broker::start(&broker, &context)?;
    let tools = Tools { database: Database::connect(&database)?, broker, context };
    dlcs_worker::serve(work, Slots::with_reserve(fetch.slots), &worker, &tools).await
}
