//! THE route table of the status service: one line per path. Streams of events have their place here too.

use actix_web::http::Method;
use actix_web::web::ServiceConfig;
use dlcs_http::{Methods, Route, resource, routes_of};

use crate::{batches, events, queue};

/// Every path.
fn table() -> Vec<Methods> {
    vec![
        resource("/customers/{customer}/queue").get(queue::read),
        resource("/customers/{customer}/queue/images").get(queue::images),
        resource("/customers/{customer}/queue/batches").get(batches::list_all),
        resource("/customers/{customer}/queue/active").get(batches::list_active),
        resource("/customers/{customer}/queue/recent").get(batches::list_recent),
        resource("/customers/{customer}/queue/batches/{batch}").get(batches::read),
        resource("/customers/{customer}/queue/batches/{batch}/images").get(batches::images),
        resource("/customers/{customer}/queue/batches/{batch}/completedImages").get(batches::completed_images),
        resource("/customers/{customer}/queue/batches/{batch}/errorImages").get(batches::error_images),
        resource("/customers/{customer}/queue/batches/{batch}/assets").get(batches::assets),
        resource("/customers/{customer}/queue/batches/{batch}/test").on(Method::POST, batches::test),
        resource("/customers/{customer}/queue/batches/{batch}/retry").on(Method::POST, batches::retry),
        resource("/customers/{customer}/queue/batches/{batch}/cancel").on(Method::POST, batches::cancel),
        resource("/customers/{customer}/queue/batches/{batch}/events").get(events::of_batch),
        resource("/customers/{customer}/queue/events").get(events::of_queue),
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
