//! Recovery every few seconds: what was handed out and forgotten comes back. Also tells how long work waits.

use std::sync::Arc;
use std::time::Duration;

use dlcs_db::DbError;
use dlcs_db::queue::{Swept, lag, sweep};
use dlcs_service::{Backoff, CancellationToken, pause};

use crate::Gateway;

const INTERVAL: Duration = Duration::from_secs(5);

/// Sweeps until the service is told to stop.
pub async fn run(gateway: Arc<Gateway>, shutdown: CancellationToken) {
    let mut backoff = Backoff::new();
    let mut wait = INTERVAL;
    while pause(wait, &shutdown).await {
        wait = match round(&gateway).await {
            Ok(()) => {
                backoff.reset();
                INTERVAL
            }
            Err(error) => {
                tracing::warn!(%error, "nothing was swept");
                backoff.failed()
            }
        };
    }
}

async fn round(gateway: &Gateway) -> Result<(), DbError> {
    let mut db = gateway.database.get().await?;
    for lag in lag(&mut db).await? {
        gateway.metrics.lag(lag);
    }
    let swept = sweep(&mut db).await?;
    drop(db);
    let Swept { hints, interrupted, ended, keys } = swept;
    for (kind, count) in [("hint", hints), ("interrupted", interrupted), ("ended", ended), ("idempotency-key", keys)] {
        gateway.metrics.swept(kind, count);
    }
    if hints + interrupted + ended > 0 {
        tracing::info!(hints, interrupted, ended, "swept");
    }
    gateway.names.complete(&gateway.database).await
}
