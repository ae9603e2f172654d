//! `PUT /customers/{c}/spaces/{s}/images/{id}`: registers one image at once, new or again.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{Faults, ImageInput, Reader};
use dlcs_http::{Authorized, InPath, JsonBody, Problem, PublicLinks};
use dlcs_model::{ImageId, SpaceId};

use super::new_image;
use super::register::Registration;
use crate::Gateway;

/// Registers the image of this URL; what is not said keeps its value.
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
    body: JsonBody,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let mut faults = Faults::default();
    let input =
        Reader::root(&body.value, &mut faults).map(|mut reader| ImageInput::read_at(&mut reader, space, id.clone()));
    let input = faults.check(input)?.unwrap_or_default();
    let image = new_image(space, id, input);
    Registration { customer, image, only_new: false }.run(&request, &links, &gateway).await
}
