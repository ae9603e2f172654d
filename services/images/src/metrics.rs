//! What the service counts.

use std::time::Duration;

use bytes::Bytes;
use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// What a request was answered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The information document.
    Information,
    /// A copy of a stored tile.
    Tile,
    /// A copy of a stored thumbnail.
    Thumbnail,
    /// A composed answer that was kept from before.
    Kept,
    /// A composed answer that was made.
    Made,
    /// No body: redirects, preflights, what the client already has.
    Empty,
    /// A refusal.
    Refused,
}

impl Kind {
    const ALL: [Self; 7] =
        [Self::Information, Self::Tile, Self::Thumbnail, Self::Kept, Self::Made, Self::Empty, Self::Refused];

    pub fn name(self) -> &'static str {
        match self {
            Self::Information => "information",
            Self::Tile => "tile",
            Self::Thumbnail => "thumbnail",
            Self::Kept => "kept",
            Self::Made => "made",
            Self::Empty => "empty",
            Self::Refused => "refused",
        }
    }
}

/// Statuses that are counted each; all others are `other`.
const STATUSES: [u16; 10] = [200, 204, 303, 304, 400, 401, 404, 429, 500, 503];

struct PerKind {
    statuses: [IntCounter; STATUSES.len()],
    other: IntCounter,
    bytes: IntCounter,
    seconds: Histogram,
}

/// Counters, resolved beforehand so that a request only adds to them.
pub(crate) struct Metrics([PerKind; Kind::ALL.len()]);

impl Metrics {
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let requests = IntCounterVec::new(
            Opts::new("dlcs_images_requests_total", "Requests by what answered them and HTTP status."),
            &["kind", "status"],
        )?;
        let bytes = IntCounterVec::new(Opts::new("dlcs_images_sent_bytes_total", "Bytes of bodies sent."), &["kind"])?;
        let buckets = vec![0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];
        let seconds = HistogramVec::new(
            HistogramOpts::new("dlcs_images_request_seconds", "Time from the request's head to its answer's.")
                .buckets(buckets),
            &["kind"],
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(bytes.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        Ok(Self(Kind::ALL.map(|kind| PerKind {
            statuses: STATUSES.map(|status| requests.with_label_values(&[kind.name(), &status.to_string()])),
            other: requests.with_label_values(&[kind.name(), "other"]),
            bytes: bytes.with_label_values(&[kind.name()]),
            seconds: seconds.with_label_values(&[kind.name()]),
        })))
    }

    pub fn count(&self, kind: Kind, status: u16, bytes: u64, took: Duration) {
        let of_kind = &self.0[kind as usize];
        let place = STATUSES.iter().position(|s| *s == status);
        place.map_or(&of_kind.other, |i| &of_kind.statuses[i]).inc();
        of_kind.bytes.inc_by(bytes);
        of_kind.seconds.observe(took.as_secs_f64());
    }
}

/// What is read of the store, and what need not be.
pub(crate) struct StoreMetrics {
    reads: IntCounter,
    read_bytes: IntCounter,
    /// Blocks that were at hand.
    pub kept: IntCounter,
    /// Blocks that had to be read.
    pub missed: IntCounter,
    /// Bytes at hand.
    pub bytes: IntGauge,
}

impl StoreMetrics {
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let blocks = IntCounterVec::new(
            Opts::new(
                "dlcs_images_blocks_total",
                "Blocks of a remote store by whether they were kept or had to be read.",
            ),
            &["found"],
        )?;
        registry.register(Box::new(blocks.clone()))?;
        Ok(Self {
            reads: counter(registry, "dlcs_images_store_reads_total", "Reads of the object store.")?,
            read_bytes: counter(registry, "dlcs_images_store_read_bytes_total", "Bytes read of the object store.")?,
            kept: blocks.with_label_values(&["kept"]),
            missed: blocks.with_label_values(&["read"]),
            bytes: gauge(registry, "dlcs_images_block_cache_bytes", "Memory of the blocks of a remote store.")?,
        })
    }

    /// Counts a read.
    pub fn counted<E>(&self, read: Result<Bytes, E>) -> Result<Bytes, E> {
        self.reads.inc();
        self.read_bytes.inc_by(read.as_ref().map_or(0, |bytes| bytes.len() as u64));
        read
    }
}

/// Compositions on their way.
#[derive(Clone)]
pub(crate) struct RenderMetrics {
    /// Those that wait for memory or a processor.
    pub waiting: IntGauge,
    /// Those that are being rendered.
    pub rendering: IntGauge,
    /// Renderings that were begun.
    pub begun: IntCounter,
    /// Renderings that were given up because nobody waited any more.
    pub abandoned: IntCounter,
}

impl RenderMetrics {
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            waiting: gauge(registry, "dlcs_images_waiting", "Compositions that wait for memory or a processor.")?,
            rendering: gauge(registry, "dlcs_images_rendering", "Compositions that are being rendered.")?,
            begun: counter(registry, "dlcs_images_renders_total", "Renderings that were begun.")?,
            abandoned: counter(
                registry,
                "dlcs_images_renders_abandoned_total",
                "Renderings given up because every client that wanted them had left.",
            )?,
        })
    }
}

/// Compositions for clients that have had their share of pixels.
pub(crate) struct ClientMetrics {
    /// Those that were refused.
    pub refused: IntCounter,
    /// Those that would have been, were the limit enforced.
    pub observed: IntCounter,
}

impl ClientMetrics {
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let help = "Compositions for clients that have had their share of pixels, by what was done.";
        let over = IntCounterVec::new(Opts::new("dlcs_images_client_over_total", help), &["done"])?;
        registry.register(Box::new(over.clone()))?;
        Ok(Self { refused: over.with_label_values(&["refused"]), observed: over.with_label_values(&["observed"]) })
    }
}

/// Counts one more while it lives.
pub(crate) struct Counted(IntGauge);

impl Counted {
    pub fn in_gauge(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn counter(registry: &Registry, name: &str, help: &str) -> Result<IntCounter, prometheus::Error> {
    let counter = IntCounter::new(name, help)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> Result<IntGauge, prometheus::Error> {
    let gauge = IntGauge::new(name, help)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}
