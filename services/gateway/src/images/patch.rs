//! `PATCH /customers/{c}/spaces/{s}/images/{id}`: changes what is said of an image; only a new origin is fetched.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{Given, ImageInput, Links, Resource};
use dlcs_db::image::{self, Image};
use dlcs_db::queue::{PatchError, patch_images};
use dlcs_http::{Answer, Authorized, InPath, JsonBody, Problem, PublicLinks, view};
use dlcs_model::{ImageId, ImageKey, SpaceId};

use super::register::{Expected, Registration};
use super::{new_image, read_at, unknown};
use crate::{Demand, Gateway, descriptors};

/// Merges the request into the image. With another origin than it has, it is registered again, as PUT does.
#[utoipa::path(
    patch,
    path = "/customers/{customer}/spaces/{space}/images/{image}",
    operation_id = "changeImage",
    tag = "images",
    params(dlcs_api::requests::Patience),
    request_body = dlcs_api::requests::ImageRequest,
    responses(
        (status = 200, description = "The image as it is now.", body = dlcs_api::Image),
        (status = 202, description = "The image, which has a new origin and is still under way.", body = dlcs_api::Image),
        dlcs_api::ImageFailures,
    ),
)]
pub async fn patch(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    (InPath(space), InPath(id)): (InPath<SpaceId>, InPath<ImageId>),
    (body, demand): (JsonBody, Demand),
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let input = read_at(&body, space, id.clone())?;
    let key = ImageKey { customer, space, id };
    let known = image::get(&mut *gateway.database.get().await?, &key).await?.ok_or_else(unknown)?;
    if matches!(&input.origin, Given::Value(origin) if *origin != known.origin) {
        let image = new_image(space, key.id, input);
        return Registration { customer, image, expected: Expected::Known }
            .run(&request, &links, &demand, &gateway)
            .await;
    }
    let row = change(&key, input, &links, &demand, &gateway).await?;
    Answer::ok(&request).body(&resource(&links, row))
}

async fn change(
    key: &ImageKey,
    input: ImageInput,
    links: &Links,
    demand: &Demand,
    gateway: &Data<Gateway>,
) -> Result<Image, Problem> {
    let change = new_image(key.space, key.id.clone(), input);
    let condition = |row: Option<&Image>| demand.holds(row.cloned().map(|row| resource(links, row)));
    let mut db = gateway.database.get().await?;
    let seen = change.says_access();
    let patched = patch_images(&mut db, key.customer, &[change], &condition).await;
    drop(db);
    let row = patched.map_err(|error| match error {
        PatchError::Refused => demand.refusal().unwrap_or_else(unknown),
        PatchError::Unknown(_) => unknown(),
        PatchError::Db(error) => error.into(),
    })?;
    if seen {
        descriptors::follow(gateway.clone().into_inner(), vec![key.clone()]).await;
    }
    row.into_iter().next().ok_or_else(unknown)
}

/// An image that stands alone in an answer.
pub fn resource(links: &Links, row: Image) -> Resource<dlcs_api::Image> {
    Resource::top(links, links.image(&row.key()), view::image(links, row))
}
