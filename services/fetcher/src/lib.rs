//! The fetcher: brings the bytes of an image from its origin into staging, within limits and past the address guard.

pub mod access;
mod dial;
pub mod guard;
mod hosts;
mod job;
pub mod origins;
mod probe;
mod settings;
pub mod strategies;
mod tls;

use std::sync::Arc;

use dlcs_broker::{Broker, Slots, answer_probes};
use dlcs_db::Database;
use dlcs_service::{Context, WorkDir};
use dlcs_storage::Store;
use dlcs_vault::Vault;
use dlcs_worker::Tools;
use futures::future::BoxFuture;

use origins::Origins;
use probe::Prober;
use strategies::Strategies;

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
    let Settings { service: _, database, broker, storage, worker, vault, fetch } = settings;
    for network in &fetch.allow_networks.0 {
        tracing::warn!(%network, "the address guard lets this network through");
    }
    let work_dir = WorkDir::open(&worker.work_dir, context.name)?;
    let store = Store::connect(&storage).await?;
    let database = Database::connect(&database)?;
    let origins = Arc::new(Origins::new(&fetch, &storage, database.clone(), work_dir.path())?);
    let strategies = Strategies::new(database.clone(), Vault::new(&vault)?);
    let prober = Prober { origins: origins.clone(), strategies: strategies.clone() };
    let work = Fetch::new(origins, strategies, store);
    let broker = Broker::start(&broker, &context)?;
    let (asked, shutdown) = (broker.clone(), context.shutdown.clone());
    tokio::spawn(async move {
        answer_probes(&asked, probe::TOGETHER, move |probe| prober.clone().answer(probe), shutdown).await;
    });
    let tools = Tools { database, broker, context };
    dlcs_worker::serve(work, Slots::with_reserve(fetch.slots), &worker, &tools).await
}
