//! `GET /customers/{c}/spaces/{s}/images/{id}/storage`: what is stored for one image.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{ImageStorage, Resource};
use dlcs_db::image;
use dlcs_http::{Answer, Authorized, InPath, Problem, PublicLinks};
use dlcs_model::{ImageId, ImageKey, SpaceId};

use super::unknown;
use crate::Gateway;

/// The bytes of an image's derivative and thumbnails; none as long as it is not served.
#[utoipa::path(
    get,
    path = "/customers/{customer}/spaces/{space}/images/{image}/storage",
    operation_id = "readImageStorage",
    tag = "storage",
    responses(
        (status = 200, description = "What is stored for the image.", body = dlcs_api::ImageStorage),
    ),
)]
pub async fn storage(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    (InPath(space), InPath(id)): (InPath<SpaceId>, InPath<ImageId>),
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let key = ImageKey { customer, space, id };
    let row = image::get(&mut *gateway.database.get().await?, &key).await?.ok_or_else(unknown)?;
    let body = ImageStorage { size: row.size.unwrap_or(0), thumbnail_size: row.thumbnail_size.unwrap_or(0) };
    Answer::ok(&request).body(&Resource::top(&links, links.image_storage(&key), body))
}
