//! `GET /customers/{c}/portalUsers/{uuid}`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_db::portal_user;
use dlcs_http::{Answer, Authorized, InPath, Problem, PublicLinks};

use super::{UserId, resource, unknown};
use crate::Gateway;

/// One portal user.
#[utoipa::path(
    get,
    path = "/customers/{customer}/portalUsers/{user}",
    operation_id = "readPortalUser",
    tag = "customers",
    responses(
        (status = 200, description = "The portal user.", body = dlcs_api::PortalUser),
    ),
)]
pub async fn read(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(UserId(id)): InPath<UserId>,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let row = portal_user::get(&mut *gateway.database.get().await?, customer, id).await?;
    Answer::ok(&request).body(&resource(&links, row.ok_or_else(unknown)?))
}
