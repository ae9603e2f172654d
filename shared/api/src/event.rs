//! What streams of events tell beyond the state of a batch.

use dlcs_model::{FailureCode, ImageId, SpaceId};
use serde::Serialize;

use crate::batch::MemberState;
use crate::resource::Body;

/// The fields of an image that has just ended in a batch; the image itself has more.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageEnded {
    /// Its id within its space.
    #[schema(value_type = String)]
    pub id: ImageId,
    /// Its space.
    #[schema(value_type = i32)]
    pub space: SpaceId,
    /// The batch in which it ended.
    pub batch: String,
    /// Well or badly.
    pub state: MemberState,
    /// Why badly.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::scalars::FailureWord>)]
    pub error_code: Option<FailureCode>,
    /// The same for a person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Body for ImageEnded {
    const NAME: &'static str = "Image";
    const TYPE: &'static str = "vocab:Image";
}
