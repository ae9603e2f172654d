//! `GET /customers/{c}/queue/priority`: how much waits in the priority lane.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::Resource;
use dlcs_db::batch;
use dlcs_http::{Answer, Authorized, Problem, PublicLinks, view};
use dlcs_model::Lane;

use crate::{Gateway, customers};

/// The priority lane's queue.
#[utoipa::path(
    get,
    path = "/customers/{customer}/queue/priority",
    operation_id = "readPriorityQueue",
    tag = "queue",
    responses(
        (status = 200, description = "How much waits in the priority lane.", body = dlcs_api::Queue),
    ),
)]
pub async fn read_priority(
    request: HttpRequest,
    authorized: Authorized,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let mut db = gateway.database.get().await?;
    let customer = customers::require(&mut db, authorized).await?.id;
    let size = batch::queue_size(&mut db, customer, Some(Lane::Priority)).await?;
    let body = view::queue(&links, customer, size);
    Answer::ok(&request).body(&Resource::top(&links, body.priority.clone(), body))
}
