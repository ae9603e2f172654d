//! `POST /customers/{c}/spaces/{s}/images`: registers one new image at once.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{Faults, ImageInput, Reader};
use dlcs_http::{Authorized, InPath, JsonBody, Problem, PublicLinks};
use dlcs_model::{ImageId, SpaceId};

use super::new_image;
use super::register::Registration;
use crate::Gateway;

/// Registers an image under the id it says, or under one that we assign.
pub async fn create(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(space): InPath<SpaceId>,
    body: JsonBody,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let mut faults = Faults::default();
    let input =
        Reader::root(&body.value, &mut faults).map(|mut reader| ImageInput::read_in(&mut reader, customer, space));
    let mut input = faults.check(input)?.unwrap_or_default();
    let id = input.id.take().unwrap_or_else(ImageId::assign);
    let image = new_image(space, id, input);
    Registration { customer, image, only_new: true }.run(&request, &links, &gateway).await
}
