//! `POST /customers/{c}/deleteImages`: deletes the named images that exist.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{Deleted, read_names};
use dlcs_db::queue::delete_images;
use dlcs_http::{Answer, Authorized, JsonBody, Problem};

use crate::{Gateway, customers, descriptors};

/// Deletes them all at once; says how many there were.
#[utoipa::path(
    post,
    path = "/customers/{customer}/deleteImages",
    operation_id = "deleteImages",
    tag = "bulk",
    request_body = dlcs_api::requests::NamesRequest,
    responses(
        (status = 200, description = "How many were deleted.", body = dlcs_api::Deleted),
        (status = 404, description = "None of the images exists."),
    ),
)]
pub async fn delete(
    request: HttpRequest,
    authorized: Authorized,
    body: JsonBody,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let names = read_names(&body.value, authorized.customer)?;
    let mut db = gateway.database.get().await?;
    let owner = customers::require(&mut db, authorized).await?.id;
    let deleted = delete_images(&mut db, owner, &names).await?;
    drop(db);
    if deleted.is_empty() {
        return Err(Problem::not_found("None of these images exists."));
    }
    let count = deleted.len();
    descriptors::follow(gateway.into_inner(), deleted).await;
    Answer::ok(&request).body(&Deleted::images(count))
}
