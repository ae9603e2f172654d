//! What the status service says about itself: the handlers' descriptions, put together.

use utoipa::OpenApi;

use crate::{batches, events, queue};

#[derive(OpenApi)]
#[openapi(paths(
    queue::read,
    queue::images,
    batches::list::list_all,
    batches::list::list_active,
    batches::list::list_recent,
    batches::read::read,
    batches::members::images,
    batches::members::completed_images,
    batches::members::error_images,
    batches::members::assets,
    batches::test::test,
    batches::retry::retry,
    batches::cancel::cancel,
    events::batch::events,
    events::queue::events,
))]
struct Status;

/// The descriptions of all handlers of the status service.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Status::openapi()
}
