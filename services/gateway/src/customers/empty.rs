//! `GET /customers/{c}/namedQueries`: a collection that has no members yet.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_db::Listing;
use dlcs_http::{Answer, Authorized, Paging, Problem, PublicLinks};
use serde_json::Value;

use super::require;
use crate::Gateway;

const NONE: Listing<Value> = Listing { rows: Vec::new(), before: None, after: None };

/// A customer's named queries.
#[utoipa::path(
    get,
    path = "/customers/{customer}/namedQueries",
    operation_id = "listNamedQueries",
    tag = "customers",
    responses(
        (status = 200, description = "A collection without members so far."),
    ),
)]
pub async fn named_queries(
    request: HttpRequest,
    authorized: Authorized,
    paging: Paging,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let owner = require(&mut *gateway.database.get().await?, authorized).await?.id;
    Answer::ok(&request).body(&paging.collection(&links.named_queries(owner), 0, NONE, |never| never))
}
