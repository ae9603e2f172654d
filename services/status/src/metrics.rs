//! Figures of the status service; those of its requests are made by the HTTP server.

use dlcs_service::Context;
use prometheus::{IntCounter, IntCounterVec, Opts};

/// The status service's own metrics.
pub struct Metrics {
    /// Batches that were found finished.
    pub finished: IntCounter,
    /// Rounds of the roller that moved counters.
    pub rounds: IntCounter,
    /// Events told, by outcome.
    pub events: IntCounterVec,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// If they are registered already.
    pub fn register(context: &Context) -> Result<Self, prometheus::Error> {
        let finished = IntCounter::new("dlcs_status_finished_batches_total", "Batches that were found finished.")?;
        let rounds = IntCounter::new("dlcs_status_rolls_total", "Rounds of the roller that moved counters.")?;
        let events = Opts::new("dlcs_status_events_total", "Events told to the broker, by outcome.");
        let events = IntCounterVec::new(events, &["outcome"])?;
        context.registry.register(Box::new(finished.clone()))?;
        context.registry.register(Box::new(rounds.clone()))?;
        context.registry.register(Box::new(events.clone()))?;
        Ok(Self { finished, rounds, events })
    }
}
