//! `DELETE /customers/{c}/originStrategies/{uuid}`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use dlcs_db::origin_strategy::{self, Strategy};
use dlcs_http::{Authorized, InPath, Problem, PublicLinks};

use super::{StrategyId, problem, resource};
use crate::{Demand, Gateway};

/// Deletes an origin strategy, with its credentials.
#[utoipa::path(
    delete,
    path = "/customers/{customer}/originStrategies/{strategy}",
    operation_id = "deleteOriginStrategy",
    tag = "customers",
    responses(
        (status = 204, description = "The strategy is deleted."),
    ),
)]
pub async fn delete(
    Authorized { customer, .. }: Authorized,
    InPath(StrategyId(id)): InPath<StrategyId>,
    demand: Demand,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let condition = |row: Option<&Strategy>| demand.holds(row.cloned().map(|row| resource(&links, row)));
    let mut db = gateway.database.get().await?;
    let deleted = origin_strategy::delete(&mut db, customer, id, &condition).await;
    deleted.map_err(|error| problem(error, &demand))?;
    Ok(HttpResponse::NoContent().finish())
}
