//! `GET /customers/{c}/storage` and `…/spaces/{s}/storage`: always the sum over the images.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{Resource, Storage};
use dlcs_db::{space, usage};
use dlcs_http::{Answer, Authorized, InPath, Problem, PublicLinks};
use dlcs_model::SpaceId;

use crate::{Gateway, customers};

/// What is stored for a customer.
#[utoipa::path(
    get,
    path = "/customers/{customer}/storage",
    operation_id = "readStorage",
    tag = "storage",
    responses(
        (status = 200, description = "What is stored for the customer.", body = dlcs_api::Storage),
    ),
)]
pub async fn read_customer(
    request: HttpRequest,
    authorized: Authorized,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let mut db = gateway.database.get().await?;
    let owner = customers::require(&mut db, authorized).await?.id;
    let usage = usage::of_customer(&mut db, owner).await?;
    let body = Storage::new(&links, owner, usage.stored, usage.size, usage.thumbnail_size);
    Answer::ok(&request).body(&Resource::top(&links, links.storage(owner), body))
}

/// What is stored for a space.
#[utoipa::path(
    get,
    path = "/customers/{customer}/spaces/{space}/storage",
    operation_id = "readSpaceStorage",
    tag = "storage",
    responses(
        (status = 200, description = "What is stored for the space.", body = dlcs_api::Storage),
    ),
)]
pub async fn read_space(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(id): InPath<SpaceId>,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let row = space::get(&mut *gateway.database.get().await?, customer, id).await?;
    let row = row.ok_or_else(|| Problem::not_found("There is no such space."))?;
    let body = Storage::new(&links, customer, row.stored, row.size, row.thumbnail_size);
    Answer::ok(&request).body(&Resource::top(&links, links.space_storage(customer, id), body))
}
