//! `POST /customers/{c}/queue/batches/{b}/cancel`: ends what is still open.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use dlcs_api::Resource;
use dlcs_db::Database;
use dlcs_db::queue::cancel_batch;
use dlcs_http::{Answer, Authorized, InPath, Problem, PublicLinks, view};
use dlcs_model::BatchId;

use super::require;

/// Cancels; a batch in which nothing is open any more is answered as it is.
#[utoipa::path(
    post,
    path = "/customers/{customer}/queue/batches/{batch}/cancel",
    operation_id = "cancelBatch",
    tag = "batches",
    responses(
        (status = 200, description = "The batch; its counters follow within a second.", body = dlcs_api::Batch),
    ),
)]
pub async fn cancel(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(id): InPath<BatchId>,
    PublicLinks(links): PublicLinks,
    database: Data<Database>,
) -> Result<HttpResponse, Problem> {
    let mut db = database.get().await?;
    if let Some(ended) = cancel_batch(&mut db, customer, id).await? {
        tracing::info!(batch = id.0, ended, "batch cancelled");
    }
    let row = require(&mut db, customer, id).await?;
    Answer::ok(&request).body(&Resource::top(&links, links.batch(customer, id), view::batch(&links, row, Utc::now())))
}
