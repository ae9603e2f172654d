//! `PUT /customers/{c}/originStrategies/{uuid}`: what is not said keeps its value.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{Before, OriginStrategyInput};
use dlcs_db::origin_strategy::{self, Strategy, StrategyFields, WriteStrategyError};
use dlcs_http::{Answer, Authorized, InPath, JsonBody, Problem, PublicLinks};

use super::{Refusal, StrategyId, fields, problem, resource};
use crate::{Demand, Gateway};

/// Changes an origin strategy. `"credentials": "xxx"`, as they are shown, keeps what is stored.
#[utoipa::path(
    put,
    path = "/customers/{customer}/originStrategies/{strategy}",
    operation_id = "putOriginStrategy",
    tag = "customers",
    request_body = dlcs_api::requests::OriginStrategyRequest,
    responses(
        (status = 200, description = "The strategy as it is now.", body = dlcs_api::CustomerOriginStrategy),
    ),
)]
pub async fn put(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(StrategyId(id)): InPath<StrategyId>,
    (body, demand): (JsonBody, Demand),
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let merge = |row: &Strategy| -> Result<StrategyFields, Refusal> {
        if !demand.holds(Some(resource(&links, row.clone()))) {
            return Err(WriteStrategyError::Refused.into());
        }
        let StrategyFields { regex, strategy, order, credentials } = &row.fields;
        let before = Before { regex, strategy: *strategy, order: *order };
        let input = OriginStrategyInput::read(&body.value, Some(&before)).map_err(Refusal::Faults)?;
        fields(&gateway.vault, (customer, id), input, credentials.as_ref()).map_err(Refusal::Vault)
    };
    let mut db = gateway.database.get().await?;
    let row = origin_strategy::update(&mut db, customer, id, merge).await.map_err(|error| problem(error, &demand))?;
    Answer::ok(&request).body(&resource(&links, row))
}
