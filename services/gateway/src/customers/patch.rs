//! `PATCH /customers/{c}`: its name for people.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{Given, Resource, customer::read_display_name};
use dlcs_db::customer::{self, Customer};
use dlcs_http::{Answer, Authorized, JsonBody, Problem, PublicLinks};

use super::{require, unknown, view};
use crate::{Demand, Gateway};

/// Changes a customer.
#[utoipa::path(
    patch,
    path = "/customers/{customer}",
    operation_id = "changeCustomer",
    tag = "customers",
    request_body = dlcs_api::requests::CustomerChange,
    responses(
        (status = 200, description = "The customer as it is now.", body = dlcs_api::Customer),
    ),
)]
pub async fn patch(
    request: HttpRequest,
    authorized: Authorized,
    body: JsonBody,
    demand: Demand,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let given = read_display_name(&body.value)?;
    let mut db = gateway.database.get().await?;
    let row = require(&mut db, authorized).await?;
    let display_name = match given {
        Given::Absent => row.display_name,
        Given::Null => row.name,
        Given::Value(name) => name,
    };
    let resource = |row: Customer| Resource::top(&links, links.customer(row.id), view(&links, row));
    let condition = |row: Option<&Customer>| demand.holds(row.cloned().map(resource));
    let row = customer::rename(&mut db, row.id, &display_name, &condition).await?;
    Answer::ok(&request).body(&resource(row.ok_or_else(|| demand.refusal().unwrap_or_else(unknown))?))
}
