//! `DELETE /customers/{c}/portalUsers/{uuid}`.

use actix_web::HttpResponse;
use actix_web::web::Data;
use dlcs_db::portal_user::{self, PortalUser};
use dlcs_http::{Authorized, InPath, Problem, PublicLinks};

use super::{UserId, problem, resource};
use crate::{Demand, Gateway};

/// Deletes a portal user.
#[utoipa::path(
    delete,
    path = "/customers/{customer}/portalUsers/{user}",
    operation_id = "deletePortalUser",
    tag = "customers",
    responses(
        (status = 204, description = "The portal user is deleted."),
    ),
)]
pub async fn delete(
    Authorized { customer, .. }: Authorized,
    InPath(UserId(id)): InPath<UserId>,
    demand: Demand,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let condition = |row: Option<&PortalUser>| demand.holds(row.cloned().map(|row| resource(&links, row)));
    let mut db = gateway.database.get().await?;
    let deleted = portal_user::delete(&mut db, customer, id, &condition).await;
    deleted.map_err(|error| problem(error, &demand))?;
    Ok(HttpResponse::NoContent().finish())
}
