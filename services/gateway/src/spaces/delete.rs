//! `DELETE /customers/{c}/spaces/{s}`: of a space without images; its number is not given again.

use actix_web::HttpResponse;
use actix_web::web::Data;
use dlcs_db::space::{self, Deleted, Space};
use dlcs_http::{Authorized, InPath, Problem, PublicLinks};
use dlcs_model::SpaceId;

use super::{resource, unknown};
use crate::{Demand, Gateway};

/// Deletes a space.
#[utoipa::path(
    delete,
    path = "/customers/{customer}/spaces/{space}",
    operation_id = "deleteSpace",
    tag = "spaces",
    responses(
        (status = 204, description = "The space is deleted."),
        (status = 409, description = "The space has images; delete them first."),
    ),
)]
pub async fn delete(
    Authorized { customer, .. }: Authorized,
    InPath(id): InPath<SpaceId>,
    demand: Demand,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let condition = |row: Option<&Space>| demand.holds(row.cloned().map(|row| resource(&links, row)));
    match space::delete(&mut *gateway.database.get().await?, customer, id, &condition).await? {
        Deleted::Done => Ok(HttpResponse::NoContent().finish()),
        Deleted::Unknown => Err(unknown()),
        Deleted::HasImages => Err(Problem::conflict("The space has images; delete them first.")),
        Deleted::Refused => Err(demand.refusal().unwrap_or_else(unknown)),
    }
}
