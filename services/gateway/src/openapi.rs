//! What the gateway says about itself: the descriptions of its handlers, put together.

use utoipa::OpenApi;

use crate::{customers, description, entry_point, images, keys, policies, queue, spaces};

#[derive(OpenApi)]
#[openapi(paths(
    entry_point::read,
    description::document::read,
    description::page::read,
    description::vocabulary::read,
    description::contexts::read,
    policies::origin_strategies::list,
    policies::origin_strategies::read,
    policies::image_optimisation::list,
    policies::image_optimisation::read,
    policies::thumbnails::list,
    policies::thumbnails::read,
    customers::list::list,
    customers::create::create,
    customers::read::read,
    keys::list::list,
    keys::create::create,
    keys::delete::delete,
    spaces::list::list,
    spaces::create::create,
    spaces::read::read,
    spaces::put::put,
    spaces::put::patch,
    images::list::list,
    images::list::list_all,
    images::create::create,
    images::read::read,
    images::put::put,
    images::delete::delete,
    queue::post::post,
    queue::post::post_priority,
    queue::priority::read_priority,
))]
struct Gateway;

/// The descriptions of all handlers of the gateway.
#[must_use]
pub fn openapi() -> utoipa::openapi::OpenApi {
    Gateway::openapi()
}
