//! `GET /originStrategies` and `/originStrategies/{name}`.

use actix_web::web::Path;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::OriginStrategy;
use dlcs_http::{Problem, PublicLinks};

/// The ways to talk to an origin.
#[utoipa::path(
    get,
    path = "/originStrategies",
    operation_id = "listBuiltInOriginStrategies",
    tag = "policies",
    security(()),
    responses((status = 200, description = "All of them.", body = Vec<OriginStrategy>)),
)]
pub async fn list(request: HttpRequest, PublicLinks(links): PublicLinks) -> Result<HttpResponse, Problem> {
    super::list::<OriginStrategy>(&request, &links, &links.built_in_origin_strategies())
}

/// One way to talk to an origin.
#[utoipa::path(
    get,
    path = "/originStrategies/{policy}",
    operation_id = "readBuiltInOriginStrategy",
    tag = "policies",
    security(()),
    responses((status = 200, description = "It.", body = OriginStrategy)),
)]
pub async fn read(
    request: HttpRequest,
    name: Path<String>,
    PublicLinks(links): PublicLinks,
) -> Result<HttpResponse, Problem> {
    super::read::<OriginStrategy>(&request, &links, &links.built_in_origin_strategies(), &name)
}
