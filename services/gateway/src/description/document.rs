//! `GET /openapi.json`: the document that the tests put together from the handlers of all services.

use actix_web::{HttpRequest, HttpResponse};
use dlcs_http::{Answer, Problem, PublicLinks};
use serde_json::{Value, json};

/// The OpenAPI document, on the root that the client sees.
#[utoipa::path(
    get,
    path = "/openapi.json",
    operation_id = "readOpenApi",
    tag = "description",
    security(()),
    responses((status = 200, description = "The document.", content_type = "application/json", body = Object)),
)]
pub async fn read(request: HttpRequest, PublicLinks(links): PublicLinks) -> Result<HttpResponse, Problem> {
    let mut document: Value = serde_json::from_str(dlcs_api::OPENAPI).map_err(Problem::internal)?;
    document["servers"] = json!([{"url": links.root()}]);
    let document = serde_json::to_vec(&document).map_err(Problem::internal)?;
    Ok(Answer::ok(&request).bytes("application/json", document))
}
