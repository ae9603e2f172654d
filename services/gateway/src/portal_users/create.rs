//! `POST /customers/{c}/portalUsers`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::PortalUserInput;
use dlcs_db::portal_user;
use dlcs_http::{Answer, Authorized, JsonBody, Problem, PublicLinks};

use super::{password, problem, resource};
use crate::{Demand, Gateway, customers};

/// Creates a portal user, who may log in unless the request says otherwise.
#[utoipa::path(
    post,
    path = "/customers/{customer}/portalUsers",
    operation_id = "createPortalUser",
    tag = "customers",
    request_body = dlcs_api::requests::NewPortalUserRequest,
    responses(
        (status = 201, description = "The new portal user.", body = dlcs_api::PortalUser),
        (status = 409, description = "Another portal user has this e-mail address."),
    ),
)]
pub async fn create(
    request: HttpRequest,
    authorized: Authorized,
    body: JsonBody,
    demand: Demand,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let PortalUserInput { email, password, enabled } = PortalUserInput::read(&body.value, true)?;
    let (email, hash) = (email.unwrap_or_default(), password::hash(password.unwrap_or_default()).await?);
    let mut db = gateway.database.get().await?;
    let owner = customers::require(&mut db, authorized).await?.id;
    let row = portal_user::create(&mut db, owner, &email, &hash, enabled.unwrap_or(true)).await;
    let body = resource(&links, row.map_err(|error| problem(error, &demand))?);
    Answer::created(&request, &body.id).body(&body)
}
