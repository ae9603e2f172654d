//! `PATCH /customers/{c}/spaces/{s}/images`: changes many images of a space, all or none.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{ChangeInput, Faults, ProblemKind, read_changes};
use dlcs_db::condition::always;
use dlcs_db::queue::{PatchError, patch_images};
use dlcs_db::space;
use dlcs_http::{Answer, Authorized, InPath, JsonBody, Problem, PublicLinks};
use dlcs_model::SpaceId;

use super::collection;
use crate::images::new_image;
use crate::{Gateway, descriptors};

/// Merges each member into the image that it names.
#[utoipa::path(
    patch,
    path = "/customers/{customer}/spaces/{space}/images",
    operation_id = "changeImages",
    tag = "bulk",
    request_body = dlcs_api::requests::ChangesRequest,
    responses(
        (status = 200, description = "The images as they are now.", body = Vec<dlcs_api::Image>),
        (status = 404, description = "Some of the images do not exist, and none was changed."),
    ),
)]
pub async fn change(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(space): InPath<SpaceId>,
    body: JsonBody,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let inputs = read_changes(&body.value, customer, space)?;
    let changes: Vec<_> = inputs.into_iter().map(|ChangeInput { id, fields }| new_image(space, id, fields)).collect();
    let mut db = gateway.database.get().await?;
    let known = space::get(&mut db, customer, space).await?;
    known.ok_or_else(|| Problem::not_found("There is no such space."))?;
    let rows = patch_images(&mut db, customer, &changes, &always).await.map_err(refused)?;
    drop(db);
    let seen = rows.iter().zip(&changes).filter(|(_, change)| change.says_access());
    descriptors::follow(gateway.into_inner(), seen.map(|(row, _)| row.key()).collect()).await;
    Answer::ok(&request).body(&collection(&links, &links.images(customer, space), rows))
}

fn refused(error: PatchError) -> Problem {
    match error {
        PatchError::Unknown(missing) => {
            let mut faults = Faults::default();
            for index in missing {
                faults.add("unknown-image", || format!("/member/{index}/id"), || "there is no such image".to_owned());
            }
            Problem::from(faults).as_kind(ProblemKind::NotFound)
        }
        PatchError::Refused => Problem::internal("images were changed under no condition, and refused"),
        PatchError::Db(error) => error.into(),
    }
}
