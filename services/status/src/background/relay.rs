//! Telling the broker's listeners what has become true in Postgres.

use std::sync::Arc;
use std::time::Duration;

use dlcs_db::{DbError, outbox};
use dlcs_service::{Backoff, CancellationToken, pause};

use super::Work;

const INTERVAL: Duration = Duration::from_millis(250);
/// Events taken at once.
const CHUNK: i64 = 500;

/// Tells until the service is told to stop.
pub async fn run(work: Arc<Work>, shutdown: CancellationToken) {
    let mut backoff = Backoff::new();
    let mut wait = Duration::ZERO;
    while pause(wait, &shutdown).await {
        wait = match round(&work).await {
            Ok(Round::Idle) => {
                backoff.reset();
                INTERVAL
            }
            Ok(Round::More) => Duration::ZERO,
            Ok(Round::Untold) => backoff.failed(),
            Err(error) => {
                tracing::warn!(%error, "no events were told");
                backoff.failed()
            }
        };
    }
}

enum Round {
    /// Nothing more waits.
    Idle,
    /// There may be more.
    More,
    /// The broker does not take them; they come again.
    Untold,
}

async fn round(work: &Work) -> Result<Round, DbError> {
    let mut db = work.database.get().await?;
    let pending = outbox::take(&mut db, CHUNK).await?;
    let mut told = Vec::with_capacity(pending.len());
    for event in &pending {
        if let Err(error) = work.publisher.publish_event(&event.event).await {
            tracing::warn!(%error, left = pending.len() - told.len(), "events are told later");
            break;
        }
        told.push(event.id);
    }
    work.metrics.events.with_label_values(&["told"]).inc_by(told.len() as u64);
    work.metrics.events.with_label_values(&["untold"]).inc_by((pending.len() - told.len()) as u64);
    if !told.is_empty() {
        outbox::done(&mut db, &told).await?;
    }
    Ok(match (told.len() == pending.len(), i64::try_from(pending.len()) == Ok(CHUNK)) {
        (false, _) => Round::Untold,
        (true, true) => Round::More,
        (true, false) => Round::Idle,
    })
}
