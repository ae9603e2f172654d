//! `POST /customers/{c}/spaces/{s}/images`: registers one new image at once.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{Faults, ImageInput, Reader};
use dlcs_http::{Authorized, InPath, JsonBody, Problem, PublicLinks};
use dlcs_model::{ImageId, SpaceId};

use super::new_image;
use super::register::{Expected, Registration};
use crate::{Demand, Gateway};

/// Registers an image under the id it says, or under one that we assign.
#[utoipa::path(
    post,
    path = "/customers/{customer}/spaces/{space}/images",
    operation_id = "createImage",
    tag = "images",
    params(dlcs_api::requests::Patience),
    request_body = dlcs_api::requests::NewImageRequest,
    responses(
        (status = 201, description = "The image, ready to be served.", body = dlcs_api::Image),
        (status = 202, description = "The image, still under way.", body = dlcs_api::Image),
        dlcs_api::ImageFailures,
        (status = 409, description = "There is an image with this id."),
    ),
)]
pub async fn create(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(space): InPath<SpaceId>,
    (body, demand): (JsonBody, Demand),
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let mut faults = Faults::default();
    let input =
        Reader::root(&body.value, &mut faults).map(|mut reader| ImageInput::read_in(&mut reader, customer, space));
    let mut input = faults.check(input)?.unwrap_or_default();
    let id = input.id.take().unwrap_or_else(ImageId::assign);
    let image = new_image(space, id, input);
    Registration { customer, image, expected: Expected::New }.run(&request, &links, &demand, &gateway).await
}
