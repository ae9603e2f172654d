//! What the gateway says about itself: the descriptions of its handlers, put together.

use utoipa::OpenApi;

use crate::{
    bulk, customers, description, entry_point, images, keys, origin_strategies, policies, portal_users, queue, spaces,
    storage,
};

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
    customers::patch::patch,
    customers::empty::named_queries,
    keys::list::list,
    keys::create::create,
    keys::read::read,
    keys::delete::delete,
    portal_users::list::list,
    portal_users::create::create,
    portal_users::read::read,
    portal_users::patch::patch,
    portal_users::delete::delete,
    origin_strategies::list::list,
    origin_strategies::create::create,
    origin_strategies::read::read,
    origin_strategies::put::put,
    origin_strategies::delete::delete,
    origin_strategies::test::test,
    spaces::list::list,
    spaces::create::create,
    spaces::read::read,
    spaces::put::put,
    spaces::put::patch,
    spaces::delete::delete,
    images::list::list,
    images::list::list_all,
    images::create::create,
    images::read::read,
    images::put::put,
    images::patch::patch,
    images::delete::delete,
    images::reingest::reingest,
    images::storage::storage,
    bulk::find::find,
    bulk::change::change,
    bulk::delete::delete,
    storage::read::read_customer,
    storage::read::read_space,
    storage::policy::read_policy,
    storage::policy::put_policy,
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
