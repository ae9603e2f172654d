//! `GET` and `PUT /customers/{c}/storagePolicy`: how much a customer may store; set by an administrator.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{Links, Resource, StoragePolicy, StoragePolicyInput};
use dlcs_db::storage_policy::{self, StoragePolicy as Row};
use dlcs_http::{Admin, Answer, Authorized, JsonBody, Problem, PublicLinks};
use dlcs_model::CustomerId;

use crate::{Demand, Gateway, customers};

/// How much a customer may store.
#[utoipa::path(
    get,
    path = "/customers/{customer}/storagePolicy",
    operation_id = "readStoragePolicy",
    tag = "storage",
    responses(
        (status = 200, description = "How much the customer may store.", body = dlcs_api::StoragePolicy),
    ),
)]
pub async fn read_policy(
    request: HttpRequest,
    authorized: Authorized,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let mut db = gateway.database.get().await?;
    let owner = customers::require(&mut db, authorized).await?.id;
    let row = storage_policy::get(&mut db, owner).await?.unwrap_or_default();
    Answer::ok(&request).body(&resource(&links, owner, row))
}

/// Sets the quotas; what is not said keeps its value, `null` is no limit. What is stored already stays.
#[utoipa::path(
    put,
    path = "/customers/{customer}/storagePolicy",
    operation_id = "putStoragePolicy",
    tag = "storage",
    request_body = dlcs_api::requests::StoragePolicyRequest,
    responses(
        (status = 200, description = "How much the customer may store from now on.", body = dlcs_api::StoragePolicy),
    ),
)]
pub async fn put_policy(
    request: HttpRequest,
    (authorized, _): (Authorized, Admin),
    (body, demand): (JsonBody, Demand),
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let StoragePolicyInput { maximum_number, maximum_size } = StoragePolicyInput::read(&body.value)?;
    let mut db = gateway.database.get().await?;
    let owner = customers::require(&mut db, authorized).await?.id;
    let condition = |row: Option<&Row>| demand.holds(row.map(|row| resource(&links, owner, *row)));
    let merge = |row: Row| Row {
        max_images: maximum_number.merge_option(row.max_images),
        max_size: maximum_size.merge_option(row.max_size),
    };
    let row = storage_policy::update(&mut db, owner, merge, &condition).await?;
    let unknown = || Problem::not_found("There is no such customer.");
    let row = row.ok_or_else(|| demand.refusal().unwrap_or_else(unknown))?;
    Answer::ok(&request).body(&resource(&links, owner, row))
}

fn resource(links: &Links, customer: CustomerId, row: Row) -> Resource<StoragePolicy> {
    let Row { max_images, max_size } = row;
    let body =
        StoragePolicy { maximum_number_of_stored_images: max_images, maximum_total_size_of_stored_images: max_size };
    Resource::top(links, links.storage_policy(customer), body)
}
