//! What the processor counts of its decoders.

use dlcs_service::Context;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts};

use super::decoder::Trouble;

/// Figures of decoders and of the memory that they share.
#[derive(Debug, Clone)]
pub struct Metrics {
    started: IntCounter,
    ended: IntCounterVec,
    running: IntGauge,
    waiting: IntGauge,
    refused: IntCounter,
}

/// Why a decoder ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It had been given as many images as one gets.
    Reuse,
    /// It died, or what it said could not be believed.
    Crash,
    /// It took too long.
    Time,
    /// Its image would never have fitted into the budget.
    Memory,
    /// Nobody waited for it any more.
    Abandoned,
}

impl End {
    const ALL: [Self; 5] = [Self::Reuse, Self::Crash, Self::Time, Self::Memory, Self::Abandoned];

    fn as_str(self) -> &'static str {
        match self {
            Self::Reuse => "reuse",
            Self::Crash => "crash",
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Abandoned => "abandoned",
        }
    }

    /// How a decoder ends after this trouble.
    pub(super) fn after(trouble: &Trouble) -> Self {
        match trouble {
            Trouble::Died(_) | Trouble::Blames => Self::Crash,
            Trouble::Slow => Self::Time,
            Trouble::Refused(_) => Self::Memory,
            Trouble::Image(_) | Trouble::Ours(_) => Self::Abandoned,
        }
    }
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// If they are registered already.
    pub fn register(context: &Context) -> Result<Self, prometheus::Error> {
        let ended = Opts::new("dlcs_processor_decoders_ended_total", "Decoders that ended, by why.");
        let metrics = Self {
            started: IntCounter::new("dlcs_processor_decoders_started_total", "Decoders that were started.")?,
            ended: IntCounterVec::new(ended, &["why"])?,
            running: IntGauge::new("dlcs_processor_decoders", "Decoders that run, at work or waiting for it.")?,
            waiting: IntGauge::new("dlcs_processor_memory_waiting_jobs", "Images that wait for memory to be free.")?,
            refused: IntCounter::new(
                "dlcs_processor_memory_refused_jobs_total",
                "Images that would never fit into the memory of all decoders.",
            )?,
        };
        let Self { started, ended, running, waiting, refused } = &metrics;
        // Each reason is there from the start: a rate needs a zero before the first one.
        End::ALL.into_iter().for_each(|why| drop(ended.with_label_values(&[why.as_str()])));
        context.registry.register(Box::new(started.clone()))?;
        context.registry.register(Box::new(ended.clone()))?;
        context.registry.register(Box::new(running.clone()))?;
        context.registry.register(Box::new(waiting.clone()))?;
        context.registry.register(Box::new(refused.clone()))?;
        Ok(metrics)
    }

    /// Counts an image that would never fit.
    pub(super) fn refuse(&self) {
        self.refused.inc();
    }

    /// Counts an image as waiting for memory until the value is dropped.
    pub(super) fn wait(&self) -> Waiting {
        self.waiting.inc();
        Waiting(self.waiting.clone())
    }
}

/// An image that waits for memory.
pub(super) struct Waiting(IntGauge);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The time that one decoder runs, counted where somebody counts.
#[derive(Debug)]
pub(super) struct Life {
    metrics: Option<Metrics>,
    why: End,
}

impl Life {
    /// A decoder was started.
    pub(super) fn begin(metrics: Option<Metrics>) -> Self {
        if let Some(Metrics { started, running, .. }) = &metrics {
            started.inc();
            running.inc();
        }
        Self { metrics, why: End::Abandoned }
    }

    /// It ends now, for this reason.
    pub(super) fn end(mut self, why: End) {
        self.why = why;
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if let Some(Metrics { ended, running, .. }) = &self.metrics {
            running.dec();
            ended.with_label_values(&[self.why.as_str()]).inc();
        }
    }
}
