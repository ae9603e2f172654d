//! `GET /vocab`: the classes, their properties and operations, as a Hydra ApiDocumentation.

use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::documentation;
use dlcs_http::{Answer, Problem, PublicLinks};

use super::document::document;
use super::public;

/// The vocabulary.
///
/// A Hydra ApiDocumentation: every class with its properties, and what can be done with one.
#[utoipa::path(
    get,
    path = "/vocab",
    operation_id = "readVocabulary",
    tag = "description",
    security(()),
    responses((status = 200, description = "The vocabulary.", content_type = "application/ld+json", body = Object)),
)]
pub async fn read(request: HttpRequest, PublicLinks(links): PublicLinks) -> Result<HttpResponse, Problem> {
    let vocabulary = documentation::documentation(&document(&links)?, &links);
    public(Answer::ok(&request)).body(&vocabulary)
}
