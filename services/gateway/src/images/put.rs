//! `PUT /customers/{c}/spaces/{s}/images/{id}`: registers one image at once, new or again.

use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use dlcs_http::{Authorized, InPath, Problem, PublicLinks};
use dlcs_model::{ImageId, SpaceId};

use super::register::{Expected, Registration};
use super::sent::Target;
use crate::{Demand, Gateway};

/// Registers the image of this URL; what is not said keeps its value, what is `null` gets its default. It says where to
/// fetch the image, or sends its bytes: raw, in a form, or in base64 as `file` of the JSON.
#[utoipa::path(
    put,
    path = "/customers/{customer}/spaces/{space}/images/{image}",
    operation_id = "putImage",
    tag = "images",
    params(dlcs_api::requests::Patience),
    request_body(content(
        (dlcs_api::requests::ImageRequest = "application/json"),
        (dlcs_api::requests::RawImage = "image/*"),
        (dlcs_api::requests::ImageForm = "multipart/form-data"),
    )),
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
    (demand, payload): (Demand, Payload),
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let expected = Expected::Any;
    let target = Target { customer, space, id: Some(id), expected, links: &links, demand: &demand, gateway: &gateway };
    let image = target.read(&request, payload).await?;
    Registration { customer, image, expected }.run(&request, &links, &demand, &gateway).await
}
