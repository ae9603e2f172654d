//! `GET /customers/{c}/spaces/{s}`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_db::space;
use dlcs_http::{Answer, Authorized, InPath, Problem, PublicLinks};
use dlcs_model::SpaceId;

use super::{resource, unknown};
use crate::Gateway;

/// One space.
#[utoipa::path(
    get,
    path = "/customers/{customer}/spaces/{space}",
    operation_id = "readSpace",
    tag = "spaces",
    responses(
        (status = 200, description = "The space.", body = dlcs_api::Space),
    ),
)]
pub async fn read(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(id): InPath<SpaceId>,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let row = space::get(&mut *gateway.database.get().await?, customer, id).await?;
    let row = row.ok_or_else(unknown)?;
    Answer::ok(&request).body(&resource(&links, row))
}
