//! A batch as it is read, and what became of each image in it.

use dlcs_model::{BatchId, FailureCode, ImageId, ItemState, SpaceId};
use serde::Serialize;

use crate::resource::Body;
use crate::{Links, Timestamp};

/// The fields of a batch.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Batch {
    /// When it was accepted.
    pub submitted: Timestamp,
    /// A name that the client gave it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// How many images it has; never changes.
    pub count: i32,
    /// How many finished well.
    pub completed: i32,
    /// How many finished badly.
    pub errors: i32,
    /// When all had finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
    /// Whether no image has this as its latest batch.
    pub superseded: bool,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// How much of it has finished, in percent.
    pub percent: f64,
    /// Seconds between its acceptance and the start of work on it, or until now.
    pub queued_for: f64,
    /// How fast images finish, over the time worked on it so far.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images_per_second: Option<f64>,
    /// When it will be finished at that speed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub est_completion: Option<Timestamp>,
    /// Where the rest is.
    #[serde(flatten)]
    pub links: BatchLinks,
}

impl Body for Batch {
    const NAME: &'static str = "Batch";
    const TYPE: &'static str = "vocab:Batch";
}

/// Links of a batch.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchLinks {
    /// Images whose latest batch this is.
    pub images: String,
    /// Those that finished well in it.
    pub completed_images: String,
    /// Those that finished badly in it.
    pub error_images: String,
    /// All that were submitted, with their outcome in it.
    pub assets: String,
    /// Kept for compatibility.
    pub test: String,
}

impl BatchLinks {
    /// The links of a batch.
    #[must_use]
    pub fn new(links: &Links, customer: dlcs_model::CustomerId, batch: BatchId) -> Self {
        let at = |name| format!("{}/{name}", links.batch(customer, batch));
        Self {
            images: at("images"),
            completed_images: at("completedImages"),
            error_images: at("errorImages"),
            assets: at("assets"),
            test: at("test"),
        }
    }
}

/// What became of an image in one batch.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BatchMember {
    /// Its id in its space.
    #[schema(value_type = String)]
    pub id: ImageId,
    /// Its space.
    #[schema(value_type = i32)]
    pub space: SpaceId,
    /// Its place in the batch, from 0.
    pub ordinal: i32,
    /// Where it was to be fetched from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// How far it came.
    #[schema(value_type = String)]
    pub state: ItemState,
    /// Why it failed, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why it failed, as a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub error_code: Option<FailureCode>,
    /// Tries so far.
    pub attempts: i32,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
}

impl Body for BatchMember {
    const NAME: &'static str = "BatchMember";
    const TYPE: &'static str = "vocab:BatchMember";
}
