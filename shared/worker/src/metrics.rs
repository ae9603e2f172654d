//! What a worker counts of its jobs.

use dlcs_service::Context;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts};

pub(crate) struct Metrics {
    pub(crate) jobs: IntCounterVec,
    pub(crate) seconds: Histogram,
    pub(crate) bytes: IntCounter,
    pub(crate) in_progress: IntGauge,
}

/// Most jobs take a tenth of a second, the longest ten minutes.
const BUCKETS: [f64; 12] = [0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0, 180.0, 600.0];

impl Metrics {
    pub(crate) fn register(context: &Context) -> anyhow::Result<Self> {
        let name = |thing: &str| format!("dlcs_{}_{thing}", context.name);
        let metrics = Self {
            jobs: IntCounterVec::new(
                Opts::new(name("jobs_total"), "jobs by outcome, and by failure code where there is one"),
                &["outcome", "code"],
            )?,
            seconds: Histogram::with_opts(
                HistogramOpts::new(name("job_duration_seconds"), "time from claim to commit").buckets(BUCKETS.to_vec()),
            )?,
            bytes: IntCounter::new(name("bytes_total"), "bytes stored by finished jobs")?,
            in_progress: IntGauge::new(name("jobs_in_progress"), "jobs being worked on")?,
        };
        let Self { jobs, seconds, bytes, in_progress } = &metrics;
        let registry = &context.registry;
        registry.register(Box::new(jobs.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(bytes.clone()))?;
        registry.register(Box::new(in_progress.clone()))?;
        Ok(metrics)
    }
}
