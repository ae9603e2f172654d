//! `POST /customers/{c}/queue/batches/{b}/test`: kept for compatibility; there is never anything to repair.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::Success;
use dlcs_db::Database;
use dlcs_http::{Answer, Authorized, InPath, Problem};
use dlcs_model::BatchId;

use super::require;

/// Whether a batch is in order, which it always is.
#[utoipa::path(
    post,
    path = "/customers/{customer}/queue/batches/{batch}/test",
    operation_id = "testBatch",
    tag = "batches",
    responses(
        (status = 200, description = "Always a success.", body = dlcs_api::Success),
    ),
)]
pub async fn test(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(id): InPath<BatchId>,
    database: Data<Database>,
) -> Result<HttpResponse, Problem> {
    require(&mut *database.get().await?, customer, id).await?;
    Answer::ok(&request).body(&Success { success: true })
}
