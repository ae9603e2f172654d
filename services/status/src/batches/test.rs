//! `POST /customers/{c}/queue/batches/{b}/test`: kept for compatibility; there is never anything to repair.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_db::Database;
use dlcs_http::{Answer, Authorized, InPath, Problem};
use dlcs_model::BatchId;
use serde_json::json;

use super::require;

/// Says that a batch that exists is in order.
pub async fn test(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(id): InPath<BatchId>,
    database: Data<Database>,
) -> Result<HttpResponse, Problem> {
    require(&mut *database.get().await?, customer, id).await?;
    Answer::ok(&request).body(&json!({"success": true}))
}
