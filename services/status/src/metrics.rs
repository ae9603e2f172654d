//! Figures of the status service; those of its requests are made by the HTTP server.

use dlcs_service::Context;
use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts};

use crate::events::Count;

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

/// Figures of streams of events.
pub struct Streams {
    open: IntGaugeVec,
    told: IntCounterVec,
}

impl Streams {
    /// Registers them.
    ///
    /// # Errors
    /// If they are registered already.
    pub fn register(context: &Context) -> Result<Self, prometheus::Error> {
        let open = Opts::new("dlcs_status_open_streams", "Streams of events that are open, by what they follow.");
        let open = IntGaugeVec::new(open, &["of"])?;
        let told = Opts::new("dlcs_status_stream_events_total", "Events sent on streams, by their name.");
        let told = IntCounterVec::new(told, &["event"])?;
        context.registry.register(Box::new(open.clone()))?;
        context.registry.register(Box::new(told.clone()))?;
        Ok(Self { open, told })
    }

    /// The number of open streams of that kind.
    pub fn open(&self, of_batch: bool) -> IntGauge {
        self.open.with_label_values(&[if of_batch { "batch" } else { "queue" }])
    }

    /// Counts events that were sent.
    pub fn told(&self, Count { image, progress, finished }: Count) {
        for (event, count) in [("image", image), ("progress", progress), ("finished", finished)] {
            self.told.with_label_values(&[event]).inc_by(count);
        }
    }
}
