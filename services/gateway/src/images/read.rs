//! `GET /customers/{c}/spaces/{s}/images/{id}`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::Resource;
use dlcs_db::image;
use dlcs_http::{Answer, Authorized, InPath, Problem, PublicLinks, view};
use dlcs_model::{ImageId, ImageKey, SpaceId};

use super::unknown;
use crate::Gateway;

/// One image.
#[utoipa::path(
    get,
    path = "/customers/{customer}/spaces/{space}/images/{image}",
    operation_id = "readImage",
    tag = "images",
    responses(
        (status = 200, description = "The image.", body = dlcs_api::Image),
    ),
)]
pub async fn read(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    (InPath(space), InPath(id)): (InPath<SpaceId>, InPath<ImageId>),
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let key = ImageKey { customer, space, id };
    let row = image::get(&mut *gateway.database.get().await?, &key).await?;
    let row = row.ok_or_else(unknown)?;
    Answer::ok(&request).body(&Resource::top(&links, links.image(&key), view::image(&links, row)))
}
