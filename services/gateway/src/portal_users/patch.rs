//! `PATCH /customers/{c}/portalUsers/{uuid}`: what is not said keeps its value.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::PortalUserInput;
use dlcs_db::portal_user::{self, PortalUser, PortalUserFields};
use dlcs_http::{Answer, Authorized, InPath, JsonBody, Problem, PublicLinks};

use super::{UserId, password, problem, resource};
use crate::{Demand, Gateway};

/// Changes a portal user.
#[utoipa::path(
    patch,
    path = "/customers/{customer}/portalUsers/{user}",
    operation_id = "changePortalUser",
    tag = "customers",
    request_body = dlcs_api::requests::PortalUserRequest,
    responses(
        (status = 200, description = "The portal user as it is now.", body = dlcs_api::PortalUser),
        (status = 409, description = "Another portal user has this e-mail address."),
    ),
)]
pub async fn patch(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(UserId(id)): InPath<UserId>,
    (body, demand): (JsonBody, Demand),
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let PortalUserInput { email, password, enabled } = PortalUserInput::read(&body.value, false)?;
    let password_hash = match password {
        Some(password) => Some(password::hash(password).await?),
        None => None,
    };
    let fields = PortalUserFields { email, password_hash, enabled };
    let condition = |row: Option<&PortalUser>| demand.holds(row.cloned().map(|row| resource(&links, row)));
    let mut db = gateway.database.get().await?;
    let row = portal_user::update(&mut db, customer, id, &fields, &condition).await;
    Answer::ok(&request).body(&resource(&links, row.map_err(|error| problem(error, &demand))?))
}
