//! The processor: makes the one derivative of each fetched image, and everything else that is served of it.

mod command;
mod job;
mod make;
mod settings;

pub mod sandbox;

use dlcs_broker::{Broker, Slots};
use dlcs_db::Database;
use dlcs_service::{Context, WorkDir};
use dlcs_storage::Store;
use dlcs_worker::Tools;
use futures::future::BoxFuture;

pub use command::{decode_command, derive_command};
pub use job::Process;
pub use settings::{Command, ProcessSettings, Settings};

/// Processes what is queued until the shutdown.
///
/// # Errors
/// If the settings cannot be used.
pub fn start(settings: Settings, context: Context) -> BoxFuture<'static, anyhow::Result<()>> {
    // Boxed, so that the service is compiled here once and not again in every program that awaits it.
    Box::pin(run(settings, context))
}

async fn run(settings: Settings, context: Context) -> anyhow::Result<()> {
    let Settings { command: _, service: _, database, broker, storage, worker, process } = settings;
    let work_dir = WorkDir::open(&worker.work_dir, context.name)?;
    let store = Store::connect(&storage).await?;
    let decoders = process.decoders().counted(sandbox::Metrics::register(&context)?);
    decoders.prepare().await.map_err(|failure| anyhow::anyhow!("no decoder can be started: {failure}"))?;
    let work = Process::new(process.limits(), decoders, store, work_dir.path());
    let broker = Broker::start(&broker, &context)?;
    let tools = Tools { database: Database::connect(&database)?, broker, context };
    dlcs_worker::serve(work, Slots::with_reserve(process.slots()), &worker, &tools).await
}
