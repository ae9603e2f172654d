//! `POST /customers/{c}/allImages`: those of the named images that exist.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::read_names;
use dlcs_db::image;
use dlcs_http::{Answer, Authorized, JsonBody, Problem, PublicLinks};

use super::collection;
use crate::{Gateway, customers};

/// The images in the order in which they are named, each once.
#[utoipa::path(
    post,
    path = "/customers/{customer}/allImages",
    operation_id = "findImages",
    tag = "bulk",
    request_body = dlcs_api::requests::NamesRequest,
    responses(
        (status = 200, description = "The images that exist, in the order of the request.", body = Vec<dlcs_api::Image>),
    ),
)]
pub async fn find(
    request: HttpRequest,
    authorized: Authorized,
    body: JsonBody,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let names = read_names(&body.value, authorized.customer)?;
    let names: Vec<_> = names.iter().map(|(space, id)| (*space, id)).collect();
    let mut db = gateway.database.get().await?;
    let owner = customers::require(&mut db, authorized).await?.id;
    let rows = image::named(&mut db, owner, &names).await?;
    Answer::ok(&request).body(&collection(&links, &links.all_images(owner), rows))
}
