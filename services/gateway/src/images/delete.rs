//! `DELETE /customers/{c}/spaces/{s}/images/{id}`: the IIIF service ends at once, files go later.

use actix_web::HttpResponse;
use actix_web::web::Data;
use dlcs_db::image::Image;
use dlcs_db::queue::{DeleteError, delete_image};
use dlcs_http::{Authorized, InPath, Problem, PublicLinks};
use dlcs_model::{ImageId, ImageKey, SpaceId};
use dlcs_storage::StorageKey;

use super::patch::resource;
use super::unknown;
use crate::{Demand, Gateway};

/// Deletes an image and withdraws its descriptor.
#[utoipa::path(
    delete,
    path = "/customers/{customer}/spaces/{space}/images/{image}",
    operation_id = "deleteImage",
    tag = "images",
    responses(
        (status = 204, description = "The image is deleted."),
    ),
)]
pub async fn delete(
    Authorized { customer, .. }: Authorized,
    (InPath(space), InPath(id)): (InPath<SpaceId>, InPath<ImageId>),
    demand: Demand,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let key = ImageKey { customer, space, id };
    let descriptor = StorageKey::Descriptor(&key).to_string();
    let condition = |row: Option<&Image>| demand.holds(row.cloned().map(|row| resource(&links, row)));
    let mut db = gateway.database.get().await?;
    let deleted = delete_image(&mut db, &key, &condition, || gateway.store.delete(&descriptor)).await;
    let deleted = deleted.map_err(|error| match error {
        DeleteError::Withdraw(error) => Problem::unavailable(error),
        DeleteError::Refused => demand.refusal().unwrap_or_else(unknown),
        DeleteError::Db(error) => error.into(),
    })?;
    if deleted { Ok(HttpResponse::NoContent().finish()) } else { Err(unknown()) }
}
