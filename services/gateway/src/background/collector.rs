//! Collection of what nobody will ever use. Any number of gateways may collect at once.
//!
//! Staging is listed: bytes whose registration was refused, superseded or lost with its worker. Only what is older than
//! a grace time is looked at, and then the rows of the queue decide, so nothing that an attempt is working on can go.
//! Derivatives are far too many to be listed: the queue notes those that are not served, or no longer.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use dlcs_db::queue::discarded::{Discarded, discarded, forget};
use dlcs_db::queue::{StagedAt, orphans};
use dlcs_service::{Backoff, CancellationToken, pause};
use dlcs_storage::{Descriptor, Generation, Listed, Removed, StagingKey, StorageKey, StoreError};
use futures::{StreamExt, stream};

use crate::Gateway;

/// The pause after each page of a listing, for the store's sake.
const BREATH: Duration = Duration::from_millis(100);
/// Derivatives taken up at once, and how many of them are removed at the same time.
const CHUNK: i64 = 500;
const TOGETHER: usize = 8;

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
    staging(gateway, shutdown).await?;
    derivatives(gateway, shutdown).await
}

async fn staging(gateway: &Gateway, shutdown: &CancellationToken) -> anyhow::Result<()> {
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
        gateway.metrics.collected(folder, Removed { objects: 1, bytes: object.bytes });
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

/// Removes what the queue says is not served, or no longer.
async fn derivatives(gateway: &Gateway, shutdown: &CancellationToken) -> anyhow::Result<()> {
    loop {
        let due = discarded(&mut *gateway.database.get().await?, gateway.collect.grace, CHUNK).await?;
        if due.is_empty() {
            return Ok(());
        }
        let count = due.len();
        let removals = stream::iter(due).map(|output| async move { (remove(gateway, &output).await, output.token) });
        let (mut gone, mut failed) = (Vec::with_capacity(count), None);
        for (removed, token) in removals.buffer_unordered(TOGETHER).collect::<Vec<_>>().await {
            match removed {
                Ok(true) => gone.push(token),
                Ok(false) => {}
                Err(error) => failed = Some(error),
            }
        }
        forget(&mut *gateway.database.get().await?, &gone).await?;
        match failed {
            Some(error) => return Err(error),
            None if !pause(BREATH, shutdown).await => return Ok(()),
            None => {}
        }
    }
}

/// Removes the output of one attempt. `false` if it is the one that the descriptor names: the last to write that may
/// have been an attempt whose commit failed, and then its output is served until the next registration.
async fn remove(gateway: &Gateway, output: &Discarded) -> anyhow::Result<bool> {
    let Discarded { image, generation, token } = output;
    let prefix = Generation { image, generation: *generation, token: *token }.to_string();
    let served = match gateway.store.get(&StorageKey::Descriptor(image).to_string()).await {
        Ok(body) => Some(serde_json::from_slice::<Descriptor>(&body).context("a descriptor cannot be read")?),
        Err(StoreError::NotFound(_)) => None,
        Err(error) => return Err(error.into()),
    };
    if served.is_some_and(|descriptor| descriptor.derivative.starts_with(&prefix)) {
        tracing::warn!(%image, prefix, "what was discarded is still named by the descriptor");
        return Ok(false);
    }
    let removed = gateway.store.delete_prefix(&prefix).await?;
    gateway.metrics.collected(StorageKey::IMAGES, removed);
    tracing::info!(%image, prefix, objects = removed.objects, bytes = removed.bytes, "collected");
    Ok(true)
}
