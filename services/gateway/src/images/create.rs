//! `POST /customers/{c}/spaces/{s}/images`: registers one new image at once.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use dlcs_http::{Authorized, InPath, Problem, PublicLinks};
use dlcs_model::SpaceId;

use super::register::{Expected, Registration};
use super::sent::Target;
use crate::{Demand, Gateway};

/// Registers an image under the id it says, or under one that we assign. It says where to fetch the image, or sends its
/// bytes: raw, in a form, or in base64 as `file` of the JSON.
#[utoipa::path(
    post,
    path = "/customers/{customer}/spaces/{space}/images",
    operation_id = "createImage",
    tag = "images",
    params(dlcs_api::requests::Patience),
    request_body(content(
        (dlcs_api::requests::NewImageRequest = "application/json"),
        (dlcs_api::requests::RawImage = "image/*"),
        (dlcs_api::requests::ImageForm = "multipart/form-data"),
    )),
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
    (demand, payload): (Demand, Payload),
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let expected = Expected::New;
    let target = Target { customer, space, id: None, expected, links: &links, demand: &demand, gateway: &gateway };
    let image = target.read(&request, payload).await?;
    Registration { customer, image, expected }.run(&request, &links, &demand, &gateway).await
}
