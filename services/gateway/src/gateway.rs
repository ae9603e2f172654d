//! What handlers and loops share.

use std::time::Duration;

use dlcs_broker::{Broker, Publisher};
use dlcs_db::Database;
use dlcs_db::queue::DispatchLimits;
use dlcs_service::Context;
use dlcs_storage::Store;
use dlcs_vault::Vault;
use tokio::sync::Notify;

use crate::Settings;
use crate::background::Finished;
use crate::metrics::Metrics;
use crate::names::Names;
use crate::settings::CollectSettings;
use crate::uploads::Uploads;

/// The gateway's state, one per process.
pub struct Gateway {
    /// The truth.
    pub database: Database,
    /// Questions to fetchers.
    pub broker: Broker,
    /// Hints and events.
    pub publisher: Publisher,
    /// Seals credentials.
    pub vault: Vault,
    /// Objects.
    pub store: Store,
    /// Customers' names in the object store.
    pub names: Names,
    /// What has just finished anywhere.
    pub finished: Finished,
    /// Wakes the dispatcher of fetches.
    pub accepted: Notify,
    /// Room for bytes that clients send.
    pub uploads: Uploads,
    /// Figures.
    pub metrics: Metrics,
    /// Images in one batch at most.
    pub max_members: usize,
    /// When what nobody needs is removed.
    pub collect: CollectSettings,
    /// How long an immediate registration is waited for.
    pub wait: Duration,
    /// How much may be on its way.
    pub limits: DispatchLimits,
}

impl Gateway {
    /// The state for these settings.
    ///
    /// # Errors
    /// If the metrics are registered already, or the vault's keys cannot be read.
    pub fn new(
        settings: &Settings,
        database: Database,
        broker: &Broker,
        store: Store,
        context: &Context,
    ) -> anyhow::Result<Self> {
        let queue = &settings.queue;
        Ok(Self {
            database,
            broker: broker.clone(),
            publisher: Publisher::new(broker),
            vault: Vault::new(&settings.vault)?,
            names: Names::new(store.clone()),
            store,
            finished: Finished::default(),
            accepted: Notify::new(),
            uploads: Uploads::open(&settings.upload, context)?,
            metrics: Metrics::register(context)?,
            collect: settings.collect.clone(),
            max_members: queue.max_members,
            wait: queue.wait,
            limits: DispatchLimits { depth: queue.depth, process_backlog: queue.process_backlog },
        })
    }
}
