//! Handing out: takes what is ready from Postgres, fairly, and gives the broker a hint for each.

use std::sync::Arc;
use std::time::Duration;

use dlcs_db::DbError;
use dlcs_db::queue::{Dispatched, dispatch, undispatch};
use dlcs_model::{Lane, Stage};
use dlcs_service::{Backoff, CancellationToken};

use crate::Gateway;

/// The first and the longest pause while nothing is ready.
const IDLE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(250));
/// Seconds after which a hint that the broker would not take is tried again.
const RETRY_SECONDS: u32 = 1;

/// Hands out one stage's work until the service is told to stop.
pub async fn run(stage: Stage, gateway: Arc<Gateway>, shutdown: CancellationToken) {
    let (mut idle, mut backoff) = (IDLE.0, Backoff::new());
    while !shutdown.is_cancelled() {
        let pause = match round(stage, &gateway).await {
            Ok(0) => {
                backoff.reset();
                idle = (idle * 2).min(IDLE.1);
                idle
            }
            Ok(_) => {
                backoff.reset();
                idle = IDLE.0;
                // The broker is kept shallow: there is room again only after some work was taken up.
                IDLE.0 / 2
            }
            Err(error) => {
                tracing::warn!(%error, %stage, "nothing was handed out");
                backoff.failed()
            }
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = accepted(stage, &gateway) => idle = IDLE.0,
            () = shutdown.cancelled() => return,
        }
    }
}

/// Ends when this process has accepted something of the stage.
async fn accepted(stage: Stage, gateway: &Gateway) {
    match stage {
        Stage::Fetch => gateway.accepted.notified().await,
        Stage::Process => std::future::pending().await,
    }
}

async fn round(stage: Stage, gateway: &Gateway) -> Result<usize, DbError> {
    let handed = dispatch(&mut *gateway.database.get().await?, stage, &gateway.limits).await?;
    let count = handed.len();
    hand_out(gateway, handed).await;
    Ok(count)
}

/// Publishes hints that were handed out. What the broker does not take goes back to be handed out again; should that
/// fail as well, the sweeper does it later.
pub async fn hand_out(gateway: &Gateway, handed: Vec<Dispatched>) {
    if handed.is_empty() {
        return;
    }
    let hints: Vec<(Lane, _)> = handed.iter().map(|dispatched| (dispatched.lane, dispatched.hint)).collect();
    let stored = gateway.publisher.publish_hints(&hints).await.unwrap_or_else(|error| {
        tracing::warn!(%error, hints = hints.len(), "hints were not published");
        vec![false; hints.len()]
    });
    for ((lane, hint), stored) in hints.iter().zip(&stored) {
        gateway.metrics.hint(hint.stage, *lane, *stored);
    }
    let failed: Vec<_> = handed.into_iter().zip(stored).filter(|(_, stored)| !stored).map(|(hint, _)| hint).collect();
    if !failed.is_empty()
        && let Err(error) = take_back(gateway, &failed).await
    {
        tracing::warn!(%error, hints = failed.len(), "hints were left to the sweeper");
    }
}

async fn take_back(gateway: &Gateway, failed: &[Dispatched]) -> Result<(), DbError> {
    undispatch(&mut *gateway.database.get().await?, failed, RETRY_SECONDS).await
}
