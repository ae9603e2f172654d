//! `GET /customers/{c}/portalUsers`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::Resource;
use dlcs_db::portal_user::{self, PortalUser};
use dlcs_http::{Answer, Authorized, Paging, Problem, PublicLinks};

use super::view;
use crate::{Gateway, customers};

/// The portal users, oldest first.
#[utoipa::path(
    get,
    path = "/customers/{customer}/portalUsers",
    operation_id = "listPortalUsers",
    tag = "customers",
    responses(
        (status = 200, description = "The portal users.", body = Vec<dlcs_api::PortalUser>),
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
    let total = portal_user::count(&mut db, owner).await?;
    let listing = portal_user::list(&mut db, owner, &paging.slice(total)).await?;
    let show = |row: PortalUser| Resource::member(links.portal_user(owner, row.id), view(row));
    Answer::ok(&request).body(&paging.collection(&links.portal_users(owner), total, listing, show))
}
