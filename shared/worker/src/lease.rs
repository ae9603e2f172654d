//! Holding a lease: taking it, keeping it alive, and every call to the database that waits out an outage.

use std::time::Duration;

use dlcs_db::queue::{self, Claim};
use dlcs_db::{Database, DbError};
use dlcs_messages::Hint;
use dlcs_service::CancellationToken;
use tokio::time::sleep;

/// The first and the longest pause between tries of a call that the database did not answer.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(3));

/// Pauses that grow, each with jitter.
pub(crate) struct Backoff(Duration);

impl Backoff {
    pub(crate) fn new() -> Self {
        Self(BACKOFF.0)
    }

    pub(crate) async fn pause(&mut self) {
        sleep(self.0.mul_f64(rand::random_range(0.5..1.0))).await;
        self.0 = (self.0 * 2).min(BACKOFF.1);
    }
}

/// Claims the hint's item, waiting for the database if it has to. `None` if there is nothing to do.
///
/// # Errors
/// If the database failed for good, or until the shutdown.
pub(crate) async fn claim(
    database: &Database,
    hint: &Hint,
    worker: &str,
    shutdown: &CancellationToken,
) -> Result<Option<Claim>, DbError> {
    let mut backoff = Backoff::new();
    loop {
        let tried = async { queue::claim(&mut *database.get().await?, hint, worker).await };
        match tried.await {
            Err(error) if error.is_transient() && !shutdown.is_cancelled() => {
                tracing::warn!(%error, batch = %hint.batch, ordinal = hint.ordinal, "a claim has to wait");
                backoff.pause().await;
            }
            result => return result,
        }
    }
}

/// Keeps the lease alive; returns once it is lost.
pub(crate) async fn lost(database: &Database, claim: &Claim, heartbeat: Duration) {
    loop {
        sleep(heartbeat).await;
        let tried = async { queue::heartbeat(&mut *database.get().await?, claim).await };
        match tried.await {
            Ok(true) => {}
            Ok(false) => return,
            // The lease may still live, and if not, the commit will tell.
            Err(error) => tracing::warn!(%error, batch = %claim.batch, ordinal = claim.ordinal, "a heartbeat was lost"),
        }
    }
}
