//! `PUT` and `PATCH /customers/{c}/spaces/{s}`: what is not said keeps its value.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::SpaceInput;
use dlcs_db::space;
use dlcs_http::{Answer, Authorized, InPath, JsonBody, Problem, PublicLinks};
use dlcs_model::SpaceId;

use super::{fields, problem, resource};
use crate::Gateway;

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
    body: JsonBody,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let fields = fields(SpaceInput::read(&body.value, false)?);
    if id.0 < 1 {
        return Err(Problem::fault("out-of-range", "space", "a space's number is at least 1"));
    }
    let mut db = gateway.database.get().await?;
    let (row, created) = space::put(&mut db, customer, id, &fields).await.map_err(problem)?;
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
    body: JsonBody,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let fields = fields(SpaceInput::read(&body.value, false)?);
    let mut db = gateway.database.get().await?;
    let known = space::get(&mut db, customer, id).await?;
    known.ok_or_else(|| Problem::not_found("There is no such space."))?;
    let (row, _) = space::put(&mut db, customer, id, &fields).await.map_err(problem)?;
    Answer::ok(&request).body(&resource(&links, row))
}
