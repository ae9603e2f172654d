//! `GET /`: where a client begins. Open to all.

use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{EntryPoint, Resource};
use dlcs_http::{Answer, Problem, PublicLinks};

/// The entry point.
#[utoipa::path(
    get,
    path = "/",
    operation_id = "readEntryPoint",
    tag = "entry point",
    security(()),
    responses(
        (status = 200, description = "Where to go from here.", body = dlcs_api::EntryPoint),
    ),
)]
pub async fn read(request: HttpRequest, PublicLinks(links): PublicLinks) -> Result<HttpResponse, Problem> {
    let body = Resource::top(&links, links.entry_point(), EntryPoint::new(&links));
    Answer::ok(&request).body(&body)
}
