//! `GET /contexts/{type}.jsonld`: what the terms of a type mean.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::vocabulary;
use dlcs_http::{Answer, Problem, PublicLinks};

use super::public;

/// The JSON-LD context of a type.
///
/// Every `@context` in our answers that is not Hydra's own leads here.
#[utoipa::path(
    get,
    path = "/contexts/{type}.jsonld",
    operation_id = "readContext",
    tag = "description",
    security(()),
    responses((status = 200, description = "The context.", content_type = "application/ld+json", body = Object)),
)]
pub async fn read(
    request: HttpRequest,
    name: Path<String>,
    PublicLinks(links): PublicLinks,
) -> Result<HttpResponse, Problem> {
    let context = vocabulary::context(&name, &links);
    let context = context.ok_or_else(|| Problem::not_found("There is no type of this name."))?;
    public(Answer::ok(&request)).body(&context)
}
