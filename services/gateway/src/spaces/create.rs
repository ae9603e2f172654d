//! `POST /customers/{c}/spaces`: under the next number.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::SpaceInput;
use dlcs_db::space;
use dlcs_http::{Answer, Authorized, JsonBody, Problem, PublicLinks};

use super::{fields, problem, resource};
use crate::{Demand, Gateway};

/// Creates a space.
#[utoipa::path(
    post,
    path = "/customers/{customer}/spaces",
    operation_id = "createSpace",
    tag = "spaces",
    request_body = dlcs_api::requests::NewSpaceRequest,
    responses(
        (status = 201, description = "The new space.", body = dlcs_api::Space),
        (status = 409, description = "Another space has this name."),
    ),
)]
pub async fn create(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    body: JsonBody,
    demand: Demand,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let fields = fields(SpaceInput::read(&body.value, true)?);
    let mut db = gateway.database.get().await?;
    let row = space::create(&mut db, customer, &fields).await.map_err(|error| problem(error, &demand))?;
    let body = resource(&links, row);
    Answer::created(&request, &body.id).body(&body)
}
