//! `GET /openapi.json`: the document that the tests put together from the handlers of all services.

use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::Links;
use dlcs_http::{Answer, Problem, PublicLinks};
use serde_json::{Value, json};

use super::public;

/// The OpenAPI document.
///
/// Of all services, as it is generated from their handlers. Its server is the root at which you see it.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "readOpenApi",
    tag = "description",
    security(()),
    responses((status = 200, description = "OpenAPI 3.1.", content_type = "application/json", body = Object)),
)]
pub async fn read(request: HttpRequest, PublicLinks(links): PublicLinks) -> Result<HttpResponse, Problem> {
    let document = serde_json::to_vec(&document(&links)?).map_err(Problem::internal)?;
    Ok(public(Answer::ok(&request)).bytes("application/json", document))
}

/// The document with everything in it on the root that the client sees.
pub fn document(links: &Links) -> Result<Value, Problem> {
    let text = dlcs_api::OPENAPI.replace(dlcs_api::examples::ROOT, links.root());
    let mut document: Value = serde_json::from_str(&text).map_err(Problem::internal)?;
    document["servers"] = json!([{"url": links.root()}]);
    Ok(document)
}
