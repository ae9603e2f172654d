//! `GET /`: where a client begins. Open to all.

use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{EntryPoint, Resource};
use dlcs_http::{Answer, Problem, PublicLinks};

/// The entry point.
pub async fn read(request: HttpRequest, PublicLinks(links): PublicLinks) -> Result<HttpResponse, Problem> {
    let body = Resource::top(&links, links.entry_point(), EntryPoint::new(&links));
    Answer::ok(&request).body(&body)
}
