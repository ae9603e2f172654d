//! THE route table of the gateway: one line per path, one file per endpoint.

use actix_web::http::Method;
use actix_web::web::ServiceConfig;
use dlcs_http::{Methods, Route, resource, routes_of};

use crate::{
    bulk, customers, description, entry_point, images, keys, origin_strategies, policies, portal_users, queue, spaces,
    storage,
};

/// Every path. More specific paths stand before those with a variable in the same place.
fn table() -> Vec<Methods> {
    vec![
        resource("/").get(entry_point::read),
        resource("/openapi.json").get(description::document::read),
        resource("/docs").get(description::page::read),
        resource("/vocab").get(description::vocabulary::read),
        resource("/contexts/{type}.jsonld").get(description::contexts::read),
        resource("/originStrategies").get(policies::origin_strategies::list),
        resource("/originStrategies/{policy}").get(policies::origin_strategies::read),
        resource("/imageOptimisationPolicies").get(policies::image_optimisation::list),
        resource("/imageOptimisationPolicies/{policy}").get(policies::image_optimisation::read),
        resource("/thumbnailPolicies").get(policies::thumbnails::list),
        resource("/thumbnailPolicies/{policy}").get(policies::thumbnails::read),
        resource("/customers").get(customers::list).on(Method::POST, customers::create),
        resource("/customers/{customer}").get(customers::read).on(Method::PATCH, customers::patch),
        resource("/customers/{customer}/keys").get(keys::list).on(Method::POST, keys::create),
        resource("/customers/{customer}/keys/{key}").get(keys::read).on(Method::DELETE, keys::delete),
        resource("/customers/{customer}/spaces").get(spaces::list).on(Method::POST, spaces::create),
        resource("/customers/{customer}/spaces/{space}")
            .get(spaces::read)
            .on(Method::PUT, spaces::put)
            .on(Method::PATCH, spaces::patch)
            .on(Method::DELETE, spaces::delete),
        resource("/customers/{customer}/spaces/{space}/storage").get(storage::read_space),
        resource("/customers/{customer}/spaces/{space}/images")
            .get(images::list)
            .on(Method::POST, images::create)
            .on(Method::PATCH, bulk::change),
        resource("/customers/{customer}/spaces/{space}/images/{image}")
            .get(images::read)
            .on(Method::PUT, images::put)
            .on(Method::PATCH, images::patch)
            .on(Method::DELETE, images::delete),
        resource("/customers/{customer}/spaces/{space}/images/{image}/reingest").on(Method::POST, images::reingest),
        resource("/customers/{customer}/spaces/{space}/images/{image}/storage").get(images::storage),
        resource("/customers/{customer}/allImages").get(images::list_all).on(Method::POST, bulk::find),
        resource("/customers/{customer}/deleteImages").on(Method::POST, bulk::delete),
        resource("/customers/{customer}/portalUsers").get(portal_users::list).on(Method::POST, portal_users::create),
        resource("/customers/{customer}/portalUsers/{user}")
            .get(portal_users::read)
            .on(Method::PATCH, portal_users::patch)
            .on(Method::DELETE, portal_users::delete),
        resource("/customers/{customer}/originStrategies")
            .get(origin_strategies::list)
            .on(Method::POST, origin_strategies::create),
        resource("/customers/{customer}/originStrategies/test").on(Method::POST, origin_strategies::test),
        resource("/customers/{customer}/originStrategies/{strategy}")
            .get(origin_strategies::read)
            .on(Method::PUT, origin_strategies::put)
            .on(Method::DELETE, origin_strategies::delete),
        resource("/customers/{customer}/namedQueries").get(customers::named_queries),
        resource("/customers/{customer}/storage").get(storage::read_customer),
        resource("/customers/{customer}/storagePolicy").get(storage::read_policy).on(Method::PUT, storage::put_policy),
        // It is read from the status service.
        resource("/customers/{customer}/queue").on(Method::POST, queue::post).elsewhere([Method::GET, Method::HEAD]),
        resource("/customers/{customer}/queue/priority")
            .get(queue::read_priority)
            .on(Method::POST, queue::post_priority),
    ]
}

/// Adds every path.
pub fn routes(app: &mut ServiceConfig) {
    for path in table() {
        app.service(path.done());
    }
}

/// Every method of every path.
#[must_use]
pub fn all() -> Vec<Route> {
    routes_of(table())
}
