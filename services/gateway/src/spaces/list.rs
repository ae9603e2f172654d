//! `GET /customers/{c}/spaces`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::Resource;
use dlcs_db::space;
use dlcs_http::{Answer, Authorized, Paging, Problem, PublicLinks};
use dlcs_model::SpaceField;

use super::view;
use crate::{Gateway, customers};

/// The spaces, unless told otherwise by their numbers.
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
    paging: Paging<SpaceField>,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let mut db = gateway.database.get().await?;
    let owner = customers::require(&mut db, authorized).await?.id;
    let total = space::count(&mut db, owner).await?;
    let listing = space::list(&mut db, owner, &paging.slice(total)).await?;
    let show = |row: space::Space| Resource::member(links.space(row.customer, row.id), view(&links, row));
    Answer::ok(&request).body(&paging.collection(&links.spaces(owner), total, listing, show))
}
