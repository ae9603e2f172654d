//! `GET /imageOptimisationPolicies` and `/imageOptimisationPolicies/{name}`.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::ImageOptimisationPolicy;
use dlcs_http::{Problem, PublicLinks};

/// The ways to derive what is served.
#[utoipa::path(
    get,
    path = "/imageOptimisationPolicies",
    operation_id = "listImageOptimisationPolicies",
    tag = "policies",
    security(()),
    responses((status = 200, description = "All of them.", body = Vec<ImageOptimisationPolicy>)),
)]
pub async fn list(request: HttpRequest, PublicLinks(links): PublicLinks) -> Result<HttpResponse, Problem> {
    super::list::<ImageOptimisationPolicy>(&request, &links, &links.image_optimisation_policies())
}

/// One way to derive what is served.
#[utoipa::path(
    get,
    path = "/imageOptimisationPolicies/{policy}",
    operation_id = "readImageOptimisationPolicy",
    tag = "policies",
    security(()),
    responses((status = 200, description = "It.", body = ImageOptimisationPolicy)),
)]
pub async fn read(
    request: HttpRequest,
    name: Path<String>,
    PublicLinks(links): PublicLinks,
) -> Result<HttpResponse, Problem> {
    super::read::<ImageOptimisationPolicy>(&request, &links, &links.image_optimisation_policies(), &name)
}
