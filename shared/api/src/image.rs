//! An image as it is read.

use dlcs_model::{FailureCode, ImageId, SpaceId};
use serde::Serialize;
use serde_json::Value;

use crate::Timestamp;
use crate::resource::Body;

/// The fields of an image.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Image {
    /// Its id in its space.
    #[schema(value_type = String)]
    pub id: ImageId,
    /// Its space.
    #[schema(value_type = i32)]
    pub space: SpaceId,
    /// Where it is fetched from.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    pub origin: Option<String>,
    /// Where it was fetched from the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    pub initial_origin: Option<String>,
    /// What the bytes are, or were said to be before they were seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// Free text.
    pub string1: String,
    /// Free text.
    pub string2: String,
    /// Free text.
    pub string3: String,
    /// Free number.
    pub number1: i64,
    /// Free number.
    pub number2: i64,
    /// Free number.
    pub number3: i64,
    /// Free words.
    pub tags: Vec<String>,
    /// Who may see it without limits.
    pub roles: Vec<String>,
    /// Pixels on the long edge that anyone may see; -1 for all.
    pub max_unauthorised: i32,
    /// Free JSON, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
    /// Width of the upright image, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<i32>,
    /// Height of the upright image, once it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<i32>,
    /// Bytes of its derivative.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<i64>,
    /// When it was first registered.
    pub created: Timestamp,
    /// When it was last registered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queued: Option<Timestamp>,
    /// When work on its last registration began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dequeued: Option<Timestamp>,
    /// When its last registration ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished: Option<Timestamp>,
    /// Whether its last registration is still under way.
    pub ingesting: bool,
    /// Why its last registration failed, for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Why its last registration failed, as a stable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::scalars::FailureWord>)]
    pub error_code: Option<FailureCode>,
    /// Tries of its last registration.
    pub attempts: i32,
    /// The batch of its last registration; absent if that was immediate.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    pub batch: Option<String>,
    /// The IIIF service's description.
    #[schema(format = "uri")]
    pub info_json: String,
    /// The IIIF service.
    #[schema(format = "uri")]
    pub image_service: String,
    /// The IIIF service of fixed sizes.
    #[schema(format = "uri")]
    pub thumbnail_image_service: String,
    /// A thumbnail of 400 pixels on the long edge, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "uri")]
    pub thumbnail400: Option<String>,
    /// What is stored for it.
    #[schema(format = "uri")]
    pub storage: String,
}

impl Body for Image {
    const NAME: &'static str = "Image";
    const TYPE: &'static str = "vocab:Image";
}
