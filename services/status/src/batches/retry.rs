//! `POST /customers/{c}/queue/batches/{b}/retry`: a new batch of what failed.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use dlcs_api::Resource;
use dlcs_db::Database;
use dlcs_db::queue::{AcceptError, RetryError, retry_batch};
use dlcs_http::{Answer, Authorized, InPath, Problem, PublicLinks, view};
use dlcs_model::BatchId;

use super::require;

/// Registers the failed members again; the dispatchers find them as they find what was posted.
#[utoipa::path(
    post,
    path = "/customers/{customer}/queue/batches/{batch}/retry",
    operation_id = "retryBatch",
    tag = "batches",
    responses(
        (status = 201, description = "The new batch.", body = dlcs_api::Batch),
        (status = 409, description = "Nothing failed, or all that failed was registered anew or deleted since."),
    ),
)]
pub async fn retry(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(id): InPath<BatchId>,
    PublicLinks(links): PublicLinks,
    database: Data<Database>,
) -> Result<HttpResponse, Problem> {
    let mut db = database.get().await?;
    let accepted = retry_batch(&mut db, customer, id).await.map_err(refused)?;
    let row = require(&mut db, customer, accepted.batch).await?;
    let url = links.batch(customer, accepted.batch);
    let body = Resource::top(&links, url.clone(), view::batch(&links, row, Utc::now()));
    Answer::created(&request, &url).body(&body)
}

fn refused(error: RetryError) -> Problem {
    match error {
        RetryError::Unknown => Problem::not_found("There is no such batch."),
        RetryError::NothingFailed => Problem::conflict("No member of this batch has failed."),
        RetryError::NothingLeft => {
            Problem::conflict("Every failed member of this batch was registered anew or deleted since.")
        }
        RetryError::Accept(AcceptError::Db(error)) => error.into(),
        RetryError::Accept(error) => Problem::internal(error),
    }
}
