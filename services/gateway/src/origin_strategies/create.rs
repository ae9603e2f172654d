//! `POST /customers/{c}/originStrategies`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::OriginStrategyInput;
use dlcs_db::origin_strategy;
use dlcs_http::{Answer, Authorized, JsonBody, Problem, PublicLinks};
use uuid::Uuid;

use super::{Refusal, fields, problem, resource};
use crate::{Demand, Gateway, customers};

/// Creates an origin strategy: says how the origins that it matches are talked to.
#[utoipa::path(
    post,
    path = "/customers/{customer}/originStrategies",
    operation_id = "createOriginStrategy",
    tag = "customers",
    request_body = dlcs_api::requests::NewOriginStrategyRequest,
    responses(
        (status = 201, description = "The new strategy.", body = dlcs_api::CustomerOriginStrategy),
        (status = 409, description = "The customer has as many strategies as one may have."),
    ),
)]
pub async fn create(
    request: HttpRequest,
    authorized: Authorized,
    (body, demand): (JsonBody, Demand),
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let input = OriginStrategyInput::read(&body.value, None)?;
    let mut db = gateway.database.get().await?;
    let owner = customers::require(&mut db, authorized).await?.id;
    let id = Uuid::now_v7();
    let fields = fields(&gateway.vault, (owner, id), input, None);
    let fields = fields.map_err(|error| problem(Refusal::Vault(error), &demand))?;
    let row = origin_strategy::create(&mut db, owner, id, &fields).await.map_err(|error| problem(error, &demand))?;
    let body = resource(&links, row);
    Answer::created(&request, &body.id).body(&body)
}
