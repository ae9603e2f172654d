//! `GET /customers/{c}/keys`: without secrets.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::Resource;
use dlcs_db::api_key::{self, ApiKey};
use dlcs_http::{Answer, Authorized, Paging, Problem, PublicLinks};

use super::view;
use crate::{Gateway, customers};

/// The keys, oldest first.
#[utoipa::path(
    get,
    path = "/customers/{customer}/keys",
    operation_id = "listKeys",
    tag = "keys",
    responses(
        (status = 200, description = "The keys, without their secrets.", body = Vec<dlcs_api::Key>),
    ),
)]
pub async fn list(
    request: HttpRequest,
    authorized: Authorized,
    paging: Paging,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let mut db = gateway.database.get().await?;
    let owner = customers::require(&mut db, authorized).await?.id;
    let total = api_key::count(&mut db, owner).await?;
    let listing = api_key::list(&mut db, owner, &paging.slice(total)).await?;
    let show = |row: ApiKey| Resource::member(links.key(owner, &row.key), view(row));
    Answer::ok(&request).body(&paging.collection(&links.keys(owner), total, listing, show))
}
