//! Collection of what nobody will ever use: bytes in the store whose registration was refused, superseded or lost with
//! its worker. Only what is older than a grace time is looked at, and then the rows of the queue decide; so any number of
//! gateways may collect at once, and nothing that an attempt is working on can go.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use dlcs_db::queue::{StagedAt, orphans};
use dlcs_service::{Backoff, CancellationToken, pause};
use dlcs_storage::{Listed, StagingKey, StorageKey};

use crate::Gateway;

/// The pause after each page of a listing, for the store's sake.
const BREATH: Duration = Duration::from_millis(100);

/// Collects until the service is told to stop.
pub async fn run(gateway: Arc<Gateway>, shutdown: CancellationToken) {
    let mut backoff = Backoff::new();
    let mut wait = gateway.collect.interval;
    while pause(wait, &shutdown).await {
        wait = match round(&gateway, &shutdown).await {
            Ok(()) => {
                backoff.reset();
                gateway.metrics.collected_at.set(chrono::Utc::now().timestamp());
                gateway.collect.interval
            }
            Err(error) => {
                tracing::warn!(%error, "not everything was collected");
                backoff.failed()
            }
        };
    }
}

async fn round(gateway: &Gateway, shutdown: &CancellationToken) -> anyhow::Result<()> {
    for folder in [StorageKey::STAGING, StorageKey::UPLOADS] {
        let mut after = None;
        loop {
            let page = gateway.store.list(folder, after.as_deref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            collect(gateway, folder, page).await?;
            if !pause(BREATH, shutdown).await {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Removes those of the objects that are old and that no open item needs.
async fn collect(gateway: &Gateway, folder: &str, page: Vec<Listed>) -> anyhow::Result<()> {
    let Some(before) = SystemTime::now().checked_sub(gateway.collect.grace) else { return Ok(()) };
    let old: Vec<_> = page.into_iter().filter(|object| object.modified < before).collect();
    if old.is_empty() {
        return Ok(());
    }
    let candidates: Vec<_> = old.iter().filter_map(|object| candidate(&object.key)).collect();
    let orphans = orphans(&mut *gateway.database.get().await?, &candidates).await?;
    for object in old.iter().filter(|object| orphans.contains(&object.key)) {
        gateway.store.delete(&object.key).await?;
        gateway.metrics.collected(folder, object.bytes);
        tracing::info!(key = object.key, bytes = object.bytes, "collected");
    }
    Ok(())
}

/// Where the rows of an object would be; nothing for what is none of ours.
fn candidate(key: &str) -> Option<StagedAt> {
    let place = match StagingKey::parse(key)? {
        StagingKey::Fetched { batch, ordinal, token } => Some((batch, ordinal, token)),
        StagingKey::Sent => None,
    };
    Some(StagedAt { key: key.to_owned(), place })
}
