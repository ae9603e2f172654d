//! `GET /customers/{c}/originStrategies/{uuid}`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_db::origin_strategy;
use dlcs_http::{Answer, Authorized, InPath, Problem, PublicLinks};

use super::{StrategyId, resource, unknown};
use crate::Gateway;

/// One origin strategy, without its secrets.
#[utoipa::path(
    get,
    path = "/customers/{customer}/originStrategies/{strategy}",
    operation_id = "readOriginStrategy",
    tag = "customers",
    responses(
        (status = 200, description = "The strategy.", body = dlcs_api::CustomerOriginStrategy),
    ),
)]
pub async fn read(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(StrategyId(id)): InPath<StrategyId>,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let row = origin_strategy::get(&mut *gateway.database.get().await?, customer, id).await?;
    Answer::ok(&request).body(&resource(&links, row.ok_or_else(unknown)?))
}
