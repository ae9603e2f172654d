//! `GET /customers/{c}/queue/batches/{b}`: as cheap for a million images as for one, for it is polled.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use dlcs_api::Resource;
use dlcs_db::Database;
use dlcs_http::{Answer, Authorized, InPath, Problem, PublicLinks, Tag, view};
use dlcs_model::BatchId;

use super::require;

/// One batch.
#[utoipa::path(
    get,
    path = "/customers/{customer}/queue/batches/{batch}",
    operation_id = "readBatch",
    tag = "batches",
    responses(
        (status = 200, description = "The batch.", body = dlcs_api::Batch),
    ),
)]
pub async fn read(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(id): InPath<BatchId>,
    PublicLinks(links): PublicLinks,
    database: Data<Database>,
) -> Result<HttpResponse, Problem> {
    let row = require(&mut *database.get().await?, customer, id).await?;
    let version = view::batch_version(&row);
    let body = Resource::top(&links, links.batch(customer, id), view::batch(&links, row, Utc::now()));
    let answer = Answer::ok(&request).tag(Tag::Version(&version));
    answer.header(header::CACHE_CONTROL, "private, max-age=1").body(&body)
}
