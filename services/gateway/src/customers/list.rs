//! `GET /customers`: all of them for an administrator, itself for anyone else.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::Resource;
use dlcs_db::customer;
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
    let (rows, total) = if caller.administrator {
        let listing = customer::list(&mut db, crate::page(&paging)).await?;
        (listing.rows, listing.total)
    } else {
        let own = customer::get(&mut db, caller.customer).await?;
        (own.into_iter().skip(usize::from(paging.page.number > 1)).collect(), 1)
    };
    let members = rows.into_iter().map(|row| Resource::member(links.customer(row.id), view(&links, row)));
    Answer::ok(&request).body(&paging.collection(&links.customers(), total, members.collect()))
}
