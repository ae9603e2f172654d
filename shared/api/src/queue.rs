//! A customer's queue as it is read.

use dlcs_model::CustomerId;
use serde::Serialize;

use crate::Links;
use crate::resource::Body;

/// The fields of a queue.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// Images that are not finished.
    pub size: i64,
    /// Batches that are not finished.
    pub batches_waiting: i64,
    /// Images on which no work has begun.
    pub images_waiting: i64,
    /// All batches.
    #[schema(format = "uri")]
    pub batches: String,
    /// Batches that are not finished.
    #[schema(format = "uri")]
    pub active: String,
    /// Batches that are finished, the latest first.
    #[schema(format = "uri")]
    pub recent: String,
    /// Images that are not finished.
    #[schema(format = "uri")]
    pub images: String,
    /// Where to post what is urgent.
    #[schema(format = "uri")]
    pub priority: String,
    /// The progress of its batches as a stream of events.
    #[schema(format = "uri")]
    pub events: String,
}

impl Queue {
    /// A queue with its links.
    #[must_use]
    pub fn new(links: &Links, customer: CustomerId, size: i64, batches_waiting: i64, images_waiting: i64) -> Self {
        let at = |name| format!("{}/{name}", links.queue(customer));
        let (batches, active, recent) = (at("batches"), at("active"), at("recent"));
        Self {
            size,
            batches_waiting,
            images_waiting,
            batches,
            active,
            recent,
            images: at("images"),
            priority: at("priority"),
            events: at("events"),
        }
    }
}

impl Body for Queue {
    const NAME: &'static str = "Queue";
    const TYPE: &'static str = "vocab:Queue";
}
