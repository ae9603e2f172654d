//! `GET /customers/{c}/spaces/{s}/images` and `GET /customers/{c}/allImages`: filtered, ordered, page by page.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::Resource;
use dlcs_db::image::{self, Image, Within};
use dlcs_db::space;
use dlcs_http::{Answer, Authorized, InPath, Paging, Problem, PublicLinks, view};
use dlcs_model::{ImageField, ImageFilter, SpaceId};

use crate::{Gateway, customers};

/// What a listing needs of a request.
type Asked = (Authorized, Paging<ImageField, ImageFilter>, PublicLinks, Data<Gateway>);

/// The images of a space.
///
/// Unless told otherwise in the order of their registration.
#[utoipa::path(
    get,
    path = "/customers/{customer}/spaces/{space}/images",
    operation_id = "listImages",
    tag = "images",
    responses(
        (status = 200, description = "Images.", body = Vec<dlcs_api::Image>),
    ),
)]
pub async fn list(request: HttpRequest, InPath(space): InPath<SpaceId>, asked: Asked) -> Result<HttpResponse, Problem> {
    answer(request, Some(space), asked).await
}

/// The images of all spaces of a customer.
#[utoipa::path(
    get,
    path = "/customers/{customer}/allImages",
    operation_id = "listAllImages",
    tag = "images",
    responses(
        (status = 200, description = "Images.", body = Vec<dlcs_api::Image>),
    ),
)]
pub async fn list_all(request: HttpRequest, asked: Asked) -> Result<HttpResponse, Problem> {
    answer(request, None, asked).await
}

async fn answer(request: HttpRequest, space: Option<SpaceId>, asked: Asked) -> Result<HttpResponse, Problem> {
    let (authorized, paging, PublicLinks(links), gateway) = asked;
    let customer = authorized.customer;
    let mut db = gateway.database.get().await?;
    let url = match space {
        Some(space) => {
            let known = space::exists(&mut db, customer, space).await?;
            known.then(|| links.images(customer, space)).ok_or_else(|| Problem::not_found("There is no such space."))?
        }
        None => links.all_images(customers::require(&mut db, authorized).await?.id),
    };
    let within = Within { customer, space };
    let total = paging.total(image::count(&mut db, within, &paging.filter)).await?;
    let listing = image::list(&mut db, within, &paging.filter, &paging.slice(total)).await?;
    let show = |row: Image| Resource::member(links.image(&row.key()), view::image(&links, row));
    Answer::ok(&request).body(&paging.collection(&url, total, listing, show))
}
