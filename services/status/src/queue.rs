//! `GET /customers/{c}/queue` and `/queue/images`: what a customer still waits for.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::Resource;
use dlcs_db::item::{self, Asset, Members};
use dlcs_db::{Database, batch};
use dlcs_http::{Answer, Authorized, Paging, Problem, PublicLinks, view};
use dlcs_model::{ImageField, ImageFilter};

use crate::require_customer;

/// How much waits.
#[utoipa::path(
    get,
    path = "/customers/{customer}/queue",
    operation_id = "readQueue",
    tag = "queue",
    responses(
        (status = 200, description = "How much waits.", body = dlcs_api::Queue),
    ),
)]
pub async fn read(
    request: HttpRequest,
    authorized: Authorized,
    PublicLinks(links): PublicLinks,
    database: Data<Database>,
) -> Result<HttpResponse, Problem> {
    let customer = authorized.customer;
    let mut db = database.get().await?;
    require_customer(&mut db, authorized).await?;
    let size = batch::queue_size(&mut db, customer, None).await?;
    let body = Resource::top(&links, links.queue(customer), view::queue(&links, customer, size));
    Answer::ok(&request).body(&body)
}

/// The images that are not finished.
///
/// Unless told otherwise those of the oldest batch first.
#[utoipa::path(
    get,
    path = "/customers/{customer}/queue/images",
    operation_id = "listQueueImages",
    tag = "queue",
    responses(
        (status = 200, description = "Images that are not finished.", body = Vec<dlcs_api::BatchMember>),
    ),
)]
pub async fn images(
    request: HttpRequest,
    authorized: Authorized,
    paging: Paging<ImageField, ImageFilter>,
    PublicLinks(links): PublicLinks,
    database: Data<Database>,
) -> Result<HttpResponse, Problem> {
    let customer = authorized.customer;
    let mut db = database.get().await?;
    require_customer(&mut db, authorized).await?;
    let total = paging.total(item::count(&mut db, customer, Members::Open, &paging.filter)).await?;
    let listing = item::list(&mut db, customer, Members::Open, &paging.filter, &paging.slice(total)).await?;
    let show = |row: Asset| {
        let (url, batch) = (links.image(&row.image.key()), row.image.batch);
        Resource::member(url, view::member(&links, batch, row))
    };
    let url = format!("{}/images", links.queue(customer));
    Answer::ok(&request).body(&paging.collection(&url, total, listing, show))
}
