//! `POST /customers/{c}/spaces/{s}/images/{id}/reingest`: fetches an image again as it is registered.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_db::queue::NewImage;
use dlcs_http::{Authorized, InPath, Problem, PublicLinks};
use dlcs_model::{ImageId, SpaceId};

use super::register::{Expected, Registration};
use crate::{Demand, Gateway};

/// Registers a known image again and waits, as PUT does.
#[utoipa::path(
    post,
    path = "/customers/{customer}/spaces/{space}/images/{image}/reingest",
    operation_id = "reingestImage",
    tag = "images",
    params(dlcs_api::requests::Patience),
    responses(
        (status = 200, description = "The image, ready to be served.", body = dlcs_api::Image),
        (status = 202, description = "The image, still under way.", body = dlcs_api::Image),
        dlcs_api::ImageFailures,
    ),
)]
pub async fn reingest(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    (InPath(space), InPath(id)): (InPath<SpaceId>, InPath<ImageId>),
    demand: Demand,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let image = NewImage::named(space, id);
    Registration { customer, image, expected: Expected::Known }.run(&request, &links, &demand, &gateway).await
}
