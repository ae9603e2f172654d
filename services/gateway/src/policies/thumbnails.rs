//! `GET /thumbnailPolicies` and `/thumbnailPolicies/{name}`.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::ThumbnailPolicy;
use dlcs_http::{Problem, PublicLinks};

/// The sets of thumbnails.
#[utoipa::path(
    get,
    path = "/thumbnailPolicies",
    operation_id = "listThumbnailPolicies",
    tag = "policies",
    security(()),
    responses((status = 200, description = "All of them.", body = Vec<ThumbnailPolicy>)),
)]
pub async fn list(request: HttpRequest, PublicLinks(links): PublicLinks) -> Result<HttpResponse, Problem> {
    super::list::<ThumbnailPolicy>(&request, &links, &links.thumbnail_policies())
}

/// One set of thumbnails.
#[utoipa::path(
    get,
    path = "/thumbnailPolicies/{policy}",
    operation_id = "readThumbnailPolicy",
    tag = "policies",
    security(()),
    responses((status = 200, description = "It.", body = ThumbnailPolicy)),
)]
pub async fn read(
    request: HttpRequest,
    name: Path<String>,
    PublicLinks(links): PublicLinks,
) -> Result<HttpResponse, Problem> {
    super::read::<ThumbnailPolicy>(&request, &links, &links.thumbnail_policies(), &name)
}
