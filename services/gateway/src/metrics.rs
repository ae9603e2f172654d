//! Figures of the gateway; those of its requests are made by the HTTP server.

use dlcs_db::queue::Lag;
use dlcs_model::{Lane, Stage};
use dlcs_service::Context;
use dlcs_storage::Removed;
use prometheus::{GaugeVec, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts};

/// The gateway's own metrics.
pub struct Metrics {
    /// Time of an accept transaction.
    pub accept: Histogram,
    /// Images accepted.
    pub members: IntCounter,
    /// Time that an immediate registration took, from its commit until its result was known.
    pub immediate: Histogram,
    /// Uploads that are being taken.
    pub uploading: IntGauge,
    /// Bytes of uploads that were taken.
    pub uploaded: IntCounter,
    /// Time that taking one needs, from its first byte until it is stored.
    pub upload: Histogram,
    /// When everything was last looked at, in seconds of Unix time.
    pub collected_at: IntGauge,
    collected: IntCounterVec,
    collected_bytes: IntCounterVec,
    hints: IntCounterVec,
    swept: IntCounterVec,
    lag: GaugeVec,
}

impl Metrics {
    /// Registers them.
    ///
    /// # Errors
    /// If they are registered already.
    pub fn register(context: &Context) -> Result<Self, prometheus::Error> {
        let buckets = prometheus::exponential_buckets(0.001, 2.5, 14)?;
        let histogram = |name: &str, help: &str| {
            let metric = Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.clone()))?;
            context.registry.register(Box::new(metric.clone()))?;
            Ok::<_, prometheus::Error>(metric)
        };
        let counters = |name: &str, help: &str, labels: &[&str]| {
            let metric = IntCounterVec::new(Opts::new(name, help), labels)?;
            context.registry.register(Box::new(metric.clone()))?;
            Ok::<_, prometheus::Error>(metric)
        };
        let members = IntCounter::new("dlcs_gateway_accepted_images_total", "Images accepted.")?;
        context.registry.register(Box::new(members.clone()))?;
        let uploaded = IntCounter::new("dlcs_gateway_upload_bytes_total", "Bytes that clients sent and we stored.")?;
        context.registry.register(Box::new(uploaded.clone()))?;
        let help = "When the store was last looked through for what nobody needs, in seconds of Unix time.";
        let collected_at = IntGauge::new("dlcs_gateway_collected_timestamp_seconds", help)?;
        context.registry.register(Box::new(collected_at.clone()))?;
        let uploading = IntGauge::new("dlcs_gateway_uploads", "Images whose bytes are being taken.")?;
        context.registry.register(Box::new(uploading.clone()))?;
        let lag = Opts::new("dlcs_gateway_oldest_ready_seconds", "Age of the oldest item that waits to be handed out.");
        let lag = GaugeVec::new(lag, &["stage", "lane"])?;
        context.registry.register(Box::new(lag.clone()))?;
        Ok(Self {
            accept: histogram("dlcs_gateway_accept_duration_seconds", "Time to store a registration.")?,
            members,
            immediate: histogram(
                "dlcs_gateway_immediate_duration_seconds",
                "Time until an immediate registration ended.",
            )?,
            uploading,
            uploaded,
            upload: histogram("dlcs_gateway_upload_duration_seconds", "Time to take and store the bytes of an image.")?,
            collected_at,
            collected: counters(
                "dlcs_gateway_collected_objects_total",
                "Objects that nobody needed any more and that were removed.",
                &["folder"],
            )?,
            collected_bytes: counters(
                "dlcs_gateway_collected_bytes_total",
                "Bytes of the objects that were removed because nobody needed them.",
                &["folder"],
            )?,
            hints: counters(
                "dlcs_gateway_hints_total",
                "Hints handed out, by outcome.",
                &["stage", "lane", "outcome"],
            )?,
            swept: counters("dlcs_gateway_swept_total", "What the sweeper put right.", &["kind"])?,
            lag,
        })
    }

    /// Counts a hint that the broker has, or has not.
    pub fn hint(&self, stage: Stage, lane: Lane, stored: bool) {
        let outcome = if stored { "stored" } else { "failed" };
        self.hints.with_label_values(&[stage.as_str(), lane.as_str(), outcome]).inc();
    }

    /// Notes how long work waits.
    pub fn lag(&self, Lag { stage, lane, seconds }: Lag) {
        self.lag.with_label_values(&[stage.as_str(), lane.as_str()]).set(seconds);
    }

    /// Counts objects that were removed.
    pub fn collected(&self, folder: &str, removed: Removed) {
        self.collected.with_label_values(&[folder]).inc_by(removed.objects);
        self.collected_bytes.with_label_values(&[folder]).inc_by(removed.bytes);
    }

    /// Counts what the sweeper found.
    pub fn swept(&self, kind: &str, count: u64) {
        self.swept.with_label_values(&[kind]).inc_by(count);
    }
}
