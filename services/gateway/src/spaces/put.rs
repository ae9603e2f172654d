//! `PUT` and `PATCH /customers/{c}/spaces/{s}`: what is not said keeps its value.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::SpaceInput;
use dlcs_db::space::{self, Space};
use dlcs_http::{Answer, Authorized, InPath, JsonBody, Problem, PublicLinks};
use dlcs_model::SpaceId;

use super::{fields, problem, resource, unknown};
use crate::{Demand, Gateway};

/// The highest number that can be chosen; above it there is room for those that we give.
const HIGHEST: i32 = 1_000_000_000;

/// Creates a space at a chosen number, or changes it.
#[utoipa::path(
    put,
    path = "/customers/{customer}/spaces/{space}",
    operation_id = "putSpace",
    tag = "spaces",
    request_body = dlcs_api::requests::SpaceRequest,
    responses(
        (status = 200, description = "The space as it is now.", body = dlcs_api::Space),
        (status = 201, description = "The new space.", body = dlcs_api::Space),
        (status = 409, description = "Another space has this name."),
    ),
)]
pub async fn put(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(id): InPath<SpaceId>,
    (body, demand): (JsonBody, Demand),
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let fields = fields(SpaceInput::read(&body.value, false)?);
    let mut db = gateway.database.get().await?;
    if !(1..=HIGHEST).contains(&id.0) && space::get(&mut db, customer, id).await?.is_none() {
        let detail = format!("a space's number is between 1 and {HIGHEST}");
        return Err(Problem::fault("out-of-range", "space", detail));
    }
    let condition = |row: Option<&Space>| demand.holds(row.cloned().map(|row| resource(&links, row)));
    let written = space::put(&mut db, customer, id, &fields, &condition).await;
    let (row, created) = written.map_err(|error| problem(error, &demand))?;
    let body = resource(&links, row);
    if created { Answer::created(&request, &body.id) } else { Answer::ok(&request) }.body(&body)
}

/// Changes a space that is there.
#[utoipa::path(
    patch,
    path = "/customers/{customer}/spaces/{space}",
    operation_id = "patchSpace",
    tag = "spaces",
    request_body = dlcs_api::requests::SpaceRequest,
    responses(
        (status = 200, description = "The space as it is now.", body = dlcs_api::Space),
        (status = 409, description = "Another space has this name."),
    ),
)]
pub async fn patch(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(id): InPath<SpaceId>,
    (body, demand): (JsonBody, Demand),
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let fields = fields(SpaceInput::read(&body.value, false)?);
    let mut db = gateway.database.get().await?;
    space::get(&mut db, customer, id).await?.ok_or_else(unknown)?;
    let condition = |row: Option<&Space>| row.is_some() && demand.holds(row.cloned().map(|row| resource(&links, row)));
    let written = space::put(&mut db, customer, id, &fields, &condition).await;
    let (row, _) = written.map_err(|error| problem(error, &demand))?;
    Answer::ok(&request).body(&resource(&links, row))
}
