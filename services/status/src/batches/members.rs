//! `GET …/batches/{b}/images`, `/completedImages`, `/errorImages` and `/assets`: the images of a batch.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::Resource;
use dlcs_db::Database;
use dlcs_db::item::{self, Asset, Members, Which};
use dlcs_http::{Answer, Authorized, InPath, Paging, Problem, PublicLinks, view};
use dlcs_model::{BatchId, ImageField, ImageFilter};

use super::require;

/// What a listing needs of a request.
type Asked = (Authorized, InPath<BatchId>, Paging<ImageField, ImageFilter>, PublicLinks, Data<Database>);

/// The images that have a batch as their latest.
#[utoipa::path(
    get,
    path = "/customers/{customer}/queue/batches/{batch}/images",
    operation_id = "listBatchImages",
    tag = "batches",
    responses(
        (status = 200, description = "Images.", body = Vec<dlcs_api::BatchMember>),
    ),
)]
pub async fn images(request: HttpRequest, asked: Asked) -> Result<HttpResponse, Problem> {
    list(request, asked, "images", Which::Current).await
}

/// The images that finished well in a batch.
#[utoipa::path(
    get,
    path = "/customers/{customer}/queue/batches/{batch}/completedImages",
    operation_id = "listBatchCompletedImages",
    tag = "batches",
    responses(
        (status = 200, description = "Images.", body = Vec<dlcs_api::BatchMember>),
    ),
)]
pub async fn completed_images(request: HttpRequest, asked: Asked) -> Result<HttpResponse, Problem> {
    list(request, asked, "completedImages", Which::Completed).await
}

/// The images that finished badly in a batch.
#[utoipa::path(
    get,
    path = "/customers/{customer}/queue/batches/{batch}/errorImages",
    operation_id = "listBatchErrorImages",
    tag = "batches",
    responses(
        (status = 200, description = "Images.", body = Vec<dlcs_api::BatchMember>),
    ),
)]
pub async fn error_images(request: HttpRequest, asked: Asked) -> Result<HttpResponse, Problem> {
    list(request, asked, "errorImages", Which::Failed).await
}

/// All images of a batch, each with its outcome in it.
///
/// Whatever has become of them since: registered anew, or changed.
#[utoipa::path(
    get,
    path = "/customers/{customer}/queue/batches/{batch}/assets",
    operation_id = "listBatchAssets",
    tag = "batches",
    responses(
        (status = 200, description = "Images.", body = Vec<dlcs_api::BatchMember>),
    ),
)]
pub async fn assets(request: HttpRequest, asked: Asked) -> Result<HttpResponse, Problem> {
    list(request, asked, "assets", Which::Submitted).await
}

async fn list(request: HttpRequest, asked: Asked, name: &str, which: Which) -> Result<HttpResponse, Problem> {
    let (Authorized { customer, .. }, InPath(batch), paging, PublicLinks(links), database) = asked;
    let mut db = database.get().await?;
    require(&mut db, customer, batch).await?;
    let members = Members::Of(batch, which);
    let total = paging.total(item::count(&mut db, customer, members, &paging.filter)).await?;
    let listing = item::list(&mut db, customer, members, &paging.filter, &paging.slice(total)).await?;
    let show = |row: Asset| Resource::member(links.image(&row.image.key()), view::member(&links, batch, row));
    let url = format!("{}/{name}", links.batch(customer, batch));
    Answer::ok(&request).body(&paging.collection(&url, total, listing, show))
}
