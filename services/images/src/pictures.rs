//! Image requests: the stored bytes where they are what is asked for, else a composition.

use actix_web::HttpRequest;
use bytes::Bytes;
use dlcs_iiif::{Form, Format, ImageRequest, Quality, Resolved, Service, Size, Version};
use dlcs_imaging::render::{Plan, plan};
use dlcs_storage::StoreError;

use crate::catalogue::Image;
use crate::composer::Origin;
use crate::conditional::Validators;
use crate::delivery::Delivery;
use crate::metrics::Kind;
use crate::path::Target;
use crate::refusal::Refusal;
use crate::reply::{Headers, Reply, image_link};

/// Answers an image request; `Ok(None)` when the objects of this state of the image are gone.
pub(crate) async fn answer(
    delivery: &Delivery,
    request: &HttpRequest,
    target: &Target<'_>,
    wanted: &ImageRequest,
    image: &Image,
) -> Result<Option<Reply>, Refusal> {
    let version = target.version.unwrap_or(Version::V3);
    let resolved = match target.service {
        Service::Image => wanted.resolve(version, &image.subject)?,
        Service::Thumbnails => stored_size(version, wanted, image)?,
    };
    let identity = format!("{} {}x{}", resolved.canonical, resolved.width, resolved.height);
    let validators = Validators::new(&image.state, identity.as_bytes(), image.descriptor.modified);
    let base = format!("{}{}", delivery.root.of(request), target.base(target.version));
    let link = image_link(&base, &resolved.canonical, target.service, version);
    let headers = Headers { validators: &validators, cache_control: &delivery.cache_control, link, varies: false };
    let headers = match headers.known(request) {
        Ok(reply) => return Ok(Some(reply)),
        Err(headers) => headers,
    };
    let found = body(delivery, image, &resolved).await?;
    Ok(found.map(|(kind, bytes)| headers.found(kind, resolved.format.media_type(), bytes)))
}

async fn body(delivery: &Delivery, image: &Image, resolved: &Resolved) -> Result<Option<(Kind, Bytes)>, Refusal> {
    if let Some(thumbnail) = is_plain(image, resolved).then(|| stored_thumbnail(image, resolved)).flatten() {
        let bytes = present(delivery.store.get_range(&thumbnail.key, 0, thumbnail.bytes).await)?;
        return Ok(bytes.map(|bytes| (Kind::Thumbnail, bytes)));
    }
    let Some(head) = present(delivery.catalogue.head(image).await)? else { return Ok(None) };
    match plan(&head, resolved).map_err(|e| Refusal::Damaged(format!("{}: {e}", image.descriptor.derivative)))? {
        Plan::Copy(range) => {
            let (offset, length) = (range.offset, u64::from(range.length));
            let bytes = present(delivery.store.get_range(&image.descriptor.derivative, offset, length).await)?;
            Ok(bytes.map(|bytes| (Kind::Tile, bytes)))
        }
        Plan::Compose(composition) => {
            let answer = delivery.composer.answer(image, resolved, composition).await?;
            Ok(answer.map(|(bytes, origin)| {
                let kind = match origin {
                    Origin::Kept => Kind::Kept,
                    Origin::Made => Kind::Made,
                };
                (kind, bytes)
            }))
        }
    }
}

/// Whether all of the image is wanted as a JPEG, only smaller.
fn is_plain(image: &Image, resolved: &Resolved) -> bool {
    let all = (resolved.region.width, resolved.region.height) == (image.subject.width, image.subject.height);
    all && resolved.rotation.is_none() && resolved.quality == Quality::Default && resolved.format == Format::Jpg
}

fn stored_thumbnail<'a>(image: &'a Image, resolved: &Resolved) -> Option<&'a dlcs_storage::Thumbnail> {
    let size = (resolved.width, resolved.height);
    image.descriptor.thumbnails.iter().find(|t| (t.width, t.height) == size)
}

/// A request to the service of stored sizes, which has nothing else. `max` is the largest stored size; an image without
/// thumbnails is small enough to be one itself.
fn stored_size(version: Version, wanted: &ImageRequest, image: &Image) -> Result<Resolved, Refusal> {
    let largest = || image.open_thumbnails().last().map(|t| Form::Exact(t.width, t.height));
    let mut wanted = *wanted;
    if wanted.size.form == Form::Max
        && let Some(form) = largest()
    {
        wanted.size = Size { form, ..wanted.size };
    }
    let resolved = wanted.resolve(version, &image.subject)?;
    let itself = image.descriptor.thumbnails.is_empty()
        && (resolved.width, resolved.height) == (image.subject.width, image.subject.height);
    if is_plain(image, &resolved) && (itself || stored_thumbnail(image, &resolved).is_some()) {
        return Ok(resolved);
    }
    let sizes: Vec<_> =
        image.open_thumbnails().map(|t| format!("full/{},{}/0/default.jpg", t.width, t.height)).collect();
    Err(Refusal::NotStored(sizes.join(" ")))
}

/// Absent objects are no failure: the image was deleted or registered again while its descriptor was remembered.
fn present<T>(result: Result<T, StoreError>) -> Result<Option<T>, Refusal> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(StoreError::NotFound(_)) => Ok(None),
        Err(error @ StoreError::Short { .. }) => Err(Refusal::Damaged(error.to_string())),
        Err(error) => Err(Refusal::Store(error.to_string())),
    }
}
