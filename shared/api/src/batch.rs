//! A batch as it is read, and what became of each image in it.

use dlcs_model::{BatchId, ItemState};
use serde::Serialize;

use crate::resource::Body;
use crate::{Image, Links, Timestamp};

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
    /// How fast images are worked on: at present, or of a finished batch in all its time; absent while that is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images_per_second: Option<f64>,
    /// When it will be finished at that speed; absent while that is unknown.
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
    #[schema(format = "uri")]
    pub images: String,
    /// Those that finished well in it.
    #[schema(format = "uri")]
    pub completed_images: String,
    /// Those that finished badly in it.
    #[schema(format = "uri")]
    pub error_images: String,
    /// All that were submitted, with their outcome in it.
    #[schema(format = "uri")]
    pub assets: String,
    /// Kept for compatibility.
    #[schema(format = "uri")]
    pub test: String,
    /// Where to post to register again what failed.
    #[schema(format = "uri")]
    pub retry: String,
    /// Where to post to end what is still open.
    #[schema(format = "uri")]
    pub cancel: String,
    /// Its progress as a stream of events.
    #[schema(format = "uri")]
    pub events: String,
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
            retry: at("retry"),
            cancel: at("cancel"),
            events: at("events"),
        }
    }
}

/// An image as it is now, with what became of it in one batch: error, attempts and times are of that batch.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub struct BatchMember {
    /// How far it came in the batch.
    pub state: MemberState,
    /// The rest.
    #[serde(flatten)]
    pub image: Image,
}

/// How far an image has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MemberState {
    /// Nobody works on it.
    Waiting,
    /// Somebody does.
    Ingesting,
    /// It finished well.
    Ready,
    /// It finished badly.
    Error,
}

impl From<ItemState> for MemberState {
    fn from(state: ItemState) -> Self {
        match state {
            ItemState::Ready | ItemState::Queued => Self::Waiting,
            ItemState::Running => Self::Ingesting,
            ItemState::Completed => Self::Ready,
            ItemState::Error => Self::Error,
        }
    }
}

impl Body for BatchMember {
    const NAME: &'static str = Image::NAME;
    const TYPE: &'static str = Image::TYPE;
}
