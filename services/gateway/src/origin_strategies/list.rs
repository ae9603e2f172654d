//! `GET /customers/{c}/originStrategies`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::Resource;
use dlcs_db::origin_strategy::{self, Strategy};
use dlcs_http::{Answer, Authorized, Paging, Problem, PublicLinks};

use super::view;
use crate::{Gateway, customers};

/// The origin strategies, oldest first. Of several that match an origin, the one with the lowest `order` applies.
#[utoipa::path(
    get,
    path = "/customers/{customer}/originStrategies",
    operation_id = "listOriginStrategies",
    tag = "customers",
    responses(
        (status = 200, description = "The strategies.", body = Vec<dlcs_api::CustomerOriginStrategy>),
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
    let total = origin_strategy::count(&mut db, owner).await?;
    let listing = origin_strategy::list(&mut db, owner, &paging.slice(total)).await?;
    let show = |row: Strategy| Resource::member(links.origin_strategy(owner, row.id), view(&links, row));
    Answer::ok(&request).body(&paging.collection(&links.origin_strategies(owner), total, listing, show))
}
