//! `GET /customers/{c}/spaces`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::Resource;
use dlcs_db::space;
use dlcs_http::{Answer, Authorized, Paging, Problem, PublicLinks};

use super::view;
use crate::{Gateway, customers};

/// The spaces, by their numbers.
#[utoipa::path(
    get,
    path = "/customers/{customer}/spaces",
    operation_id = "listSpaces",
    tag = "spaces",
    responses(
        (status = 200, description = "Spaces.", body = Vec<dlcs_api::Space>),
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
    let listing = space::list(&mut db, owner, crate::page(&paging)).await?;
    let members = listing.rows.into_iter().map(|row| Resource::member(links.space(row.customer, row.id), view(row)));
    Answer::ok(&request).body(&paging.collection(&links.spaces(owner), listing.total, members.collect()))
}
