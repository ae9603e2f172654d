//! `PUT /customers/{c}/spaces/{s}/images/{id}`: registers one image at once, new or again.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_http::{Authorized, InPath, JsonBody, Problem, PublicLinks};
use dlcs_model::{ImageId, SpaceId};

use super::register::{Expected, Registration};
use super::{new_image, read_at};
use crate::{Demand, Gateway};

/// Registers the image of this URL; what is not said keeps its value, what is `null` gets its default.
#[utoipa::path(
    put,
    path = "/customers/{customer}/spaces/{space}/images/{image}",
    operation_id = "putImage",
    tag = "images",
    params(dlcs_api::requests::Patience),
    request_body = dlcs_api::requests::ImageRequest,
    responses(
        (status = 200, description = "The image, registered again and ready to be served.", body = dlcs_api::Image),
        (status = 201, description = "The new image, ready to be served.", body = dlcs_api::Image),
        (status = 202, description = "The image, still under way.", body = dlcs_api::Image),
        dlcs_api::ImageFailures,
    ),
)]
pub async fn put(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    (InPath(space), InPath(id)): (InPath<SpaceId>, InPath<ImageId>),
    (body, demand): (JsonBody, Demand),
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let image = new_image(space, id.clone(), read_at(&body, space, id)?);
    Registration { customer, image, expected: Expected::Any }.run(&request, &links, &demand, &gateway).await
}
