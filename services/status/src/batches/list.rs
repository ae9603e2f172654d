//! `GET /customers/{c}/queue/batches`, `/active` and `/recent`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use dlcs_api::Resource;
use dlcs_db::Database;
use dlcs_db::batch::{self, Batch, Which};
use dlcs_http::{Answer, Authorized, Paging, Problem, PublicLinks, view};
use dlcs_model::{BatchField, BatchFilter};

use crate::require_customer;

/// What a listing needs of a request.
type Asked = (Authorized, Paging<BatchField, BatchFilter>, PublicLinks, Data<Database>);

/// All batches, newest first.
#[utoipa::path(
    get,
    path = "/customers/{customer}/queue/batches",
    operation_id = "listBatches",
    tag = "batches",
    responses(
        (status = 200, description = "Batches.", body = Vec<dlcs_api::Batch>),
    ),
)]
pub async fn list_all(request: HttpRequest, asked: Asked) -> Result<HttpResponse, Problem> {
    list(request, asked, "batches", Which::All).await
}

/// The batches that are not finished, newest first.
#[utoipa::path(
    get,
    path = "/customers/{customer}/queue/active",
    operation_id = "listActiveBatches",
    tag = "batches",
    responses(
        (status = 200, description = "Batches.", body = Vec<dlcs_api::Batch>),
    ),
)]
pub async fn list_active(request: HttpRequest, asked: Asked) -> Result<HttpResponse, Problem> {
    list(request, asked, "active", Which::Active).await
}

/// The batches that are finished, the last finished first.
#[utoipa::path(
    get,
    path = "/customers/{customer}/queue/recent",
    operation_id = "listRecentBatches",
    tag = "batches",
    responses(
        (status = 200, description = "Batches.", body = Vec<dlcs_api::Batch>),
    ),
)]
pub async fn list_recent(request: HttpRequest, asked: Asked) -> Result<HttpResponse, Problem> {
    list(request, asked, "recent", Which::Recent).await
}

async fn list(request: HttpRequest, asked: Asked, name: &str, which: Which) -> Result<HttpResponse, Problem> {
    let (authorized, paging, PublicLinks(links), database) = asked;
    let customer = authorized.customer;
    let mut db = database.get().await?;
    require_customer(&mut db, authorized).await?;
    let total = paging.total(batch::count(&mut db, customer, which, &paging.filter)).await?;
    let listing = batch::list(&mut db, customer, which, &paging.filter, &paging.slice(total)).await?;
    let now = Utc::now();
    let show = |row: Batch| Resource::member(links.batch(customer, row.id), view::batch(&links, row, now));
    let url = format!("{}/{name}", links.queue(customer));
    Answer::ok(&request).body(&paging.collection(&url, total, listing, show))
}
