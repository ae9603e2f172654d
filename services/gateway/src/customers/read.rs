//! `GET /customers/{c}`.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::Resource;
use dlcs_http::{Answer, Authorized, Problem, PublicLinks};

use super::{require, view};
use crate::Gateway;

/// One customer.
#[utoipa::path(
    get,
    path = "/customers/{customer}",
    operation_id = "readCustomer",
    tag = "customers",
    responses(
        (status = 200, description = "The customer.", body = dlcs_api::Customer),
    ),
)]
pub async fn read(
    request: HttpRequest,
    authorized: Authorized,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let row = require(&mut *gateway.database.get().await?, authorized).await?;
    Answer::ok(&request).body(&Resource::top(&links, links.customer(row.id), view(&links, row)))
}
