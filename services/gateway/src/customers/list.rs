//! `GET /customers`: all of them for an administrator, itself for anyone else.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::Resource;
use dlcs_db::{Listing, customer};
use dlcs_http::{Answer, Caller, Paging, Problem, PublicLinks};

use super::view;
use crate::Gateway;

/// Customers, by their numbers.
#[utoipa::path(
    get,
    path = "/customers",
    operation_id = "listCustomers",
    tag = "customers",
    responses(
        (status = 200, description = "Customers.", body = Vec<dlcs_api::Customer>),
    ),
)]
pub async fn list(
    request: HttpRequest,
    caller: Caller,
    paging: Paging,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let mut db = gateway.database.get().await?;
    let (listing, total) = if caller.administrator {
        let total = customer::count(&mut db).await?;
        (customer::list(&mut db, &paging.slice(total)).await?, total)
    } else {
        let own = customer::get(&mut db, caller.customer).await?;
        let rows = own.into_iter().skip(usize::from(paging.page.number > 1)).collect();
        (Listing { rows, before: None, after: None }, 1)
    };
    let show = |row: customer::Customer| Resource::member(links.customer(row.id), view(&links, row));
    Answer::ok(&request).body(&paging.collection(&links.customers(), total, listing, show))
}
