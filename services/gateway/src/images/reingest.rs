//! `POST /customers/{c}/spaces/{s}/images/{id}/reingest`: fetches an image again as it is registered.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_db::queue::NewImage;
use dlcs_http::{Authorized, InPath, Problem, PublicLinks};
use dlcs_model::{ImageId, SpaceId};

use super::register::{Expected, Registration};
use crate::{Demand, Gateway};

/// Registers a known image again and waits, as PUT does.
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
