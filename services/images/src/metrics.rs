//! What the service counts.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts, Registry};

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
const STATUSES: [u16; 9] = [200, 204, 303, 304, 400, 401, 404, 500, 503];

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
