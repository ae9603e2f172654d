//! THE route table of the gateway: one line per path, one file per endpoint.

use actix_web::http::Method;
use actix_web::web::ServiceConfig;
use dlcs_http::{Methods, Route, resource, routes_of};

use crate::{customers, description, entry_point, images, keys, queue, spaces};

/// Every path. More specific paths stand before those with a variable in the same place.
fn table() -> Vec<Methods> {
    vec![
        resource("/").get(entry_point::read),
        resource("/openapi.json").get(description::document::read),
        resource("/customers").get(customers::list).on(Method::POST, customers::create),
        resource("/customers/{customer}").get(customers::read),
        resource("/customers/{customer}/keys").get(keys::list).on(Method::POST, keys::create),
        resource("/customers/{customer}/keys/{key}").on(Method::DELETE, keys::delete),
        resource("/customers/{customer}/spaces").get(spaces::list).on(Method::POST, spaces::create),
        resource("/customers/{customer}/spaces/{space}")
            .get(spaces::read)
            .on(Method::PUT, spaces::put)
            .on(Method::PATCH, spaces::patch),
        resource("/customers/{customer}/allImages").get(images::list_all),
        resource("/customers/{customer}/spaces/{space}/images").get(images::list).on(Method::POST, images::create),
        resource("/customers/{customer}/spaces/{space}/images/{image}")
            .get(images::read)
            .on(Method::PUT, images::put)
            .on(Method::DELETE, images::delete),
        resource("/customers/{customer}/queue").on(Method::POST, queue::post),
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
