//! Folding what has ended into the counters that everyone reads.

use std::sync::Arc;
use std::time::Duration;

use dlcs_db::DbError;
use dlcs_db::queue::{Rolled, roll};
use dlcs_service::{Backoff, CancellationToken, pause};

use super::Work;

/// Counters are at most this much, and one round, behind.
const INTERVAL: Duration = Duration::from_millis(250);

/// Rolls until the service is told to stop.
pub async fn run(work: Arc<Work>, shutdown: CancellationToken) {
    let mut backoff = Backoff::new();
    let mut wait = Duration::ZERO;
    while pause(wait, &shutdown).await {
        wait = match round(&work).await {
            Ok(more) => {
                backoff.reset();
                if more { Duration::ZERO } else { INTERVAL }
            }
            Err(error) => {
                tracing::warn!(%error, "nothing was rolled");
                backoff.failed()
            }
        };
    }
}

/// One round; whether there is more to do at once.
async fn round(work: &Work) -> Result<bool, DbError> {
    let Rolled { batches, finished, more } = roll(&mut *work.database.get().await?).await?;
    if !batches.is_empty() {
        work.metrics.rounds.inc();
    }
    for batch in &finished {
        tracing::info!(batch = batch.0, "batch finished");
        work.metrics.finished.inc();
    }
    Ok(more)
}
