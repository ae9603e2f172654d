//! Image requests: the stored bytes where they are what is asked for, else a composition.

use actix_web::HttpRequest;
use actix_web::http::header::HeaderValue;
use bytes::Bytes;
use dlcs_iiif::{Form, Format, ImageRequest, Quality, Resolved, Service, Size, Version};
use dlcs_imaging::render::{Plan, plan};

use crate::catalogue::Image;
use crate::composer::Origin;
use crate::conditional::Validators;
use crate::delivery::Delivery;
use crate::metrics::Kind;
use crate::objects::Failure;
use crate::path::Target;
use crate::recent::{self, Answer};
use crate::refusal::Refusal;
use crate::reply::{Headers, Reply, image_link};

/// The stored answer to a request that was asked for a moment ago, if it still holds.
pub(crate) async fn again(delivery: &Delivery, request: &HttpRequest) -> Option<Reply> {
    let answer = recent::find(&delivery.root.of(request), request.uri().path())?;
    delivery.catalogue.is_current(&answer.descriptor).await.then(|| found(delivery, request, &answer))
}

fn found(delivery: &Delivery, request: &HttpRequest, answer: &Answer) -> Reply {
    let headers = headers(delivery, &answer.validators, answer.link.clone());
    headers.known(request).unwrap_or_else(|headers| headers.found(answer.kind, answer.media_type, answer.bytes.clone()))
}

fn headers<'a>(delivery: &'a Delivery, validators: &'a Validators, link: HeaderValue) -> Headers<'a> {
    Headers { validators, cache_control: &delivery.cache_control, link, varies: false }
}

/// Answers an image request; [`Failure::Gone`] when the objects of this state of the image are gone.
pub(crate) async fn answer(
    delivery: &Delivery,
    request: &HttpRequest,
    target: &Target<'_>,
    wanted: &ImageRequest,
    image: &Image,
) -> Result<Reply, Failure> {
    let version = target.version.unwrap_or(Version::V3);
    let resolved = match target.service {
        Service::Image => wanted.resolve(version, &image.subject).map_err(Refusal::from)?,
        Service::Thumbnails => stored_size(version, wanted, image)?,
    };
    let identity = format!("{} {}x{}", resolved.canonical, resolved.width, resolved.height);
    let validators = Validators::new(image, identity.as_bytes())?;
    let root = delivery.root.of(request);
    let base = target.base(root.clone(), target.version);
    let link = image_link(&base, &resolved.canonical, target.service, version)?;
    if let Ok(reply) = headers(delivery, &validators, link.clone()).known(request) {
        return Ok(reply);
    }
    let (kind, bytes) = body(delivery, request, image, &resolved).await?;
    let media_type = resolved.format.media_type();
    let answer = Answer { descriptor: image.descriptor.clone(), kind, media_type, validators, link, bytes };
    if matches!(kind, Kind::Tile | Kind::Thumbnail) {
        recent::keep(&root, request.uri().path(), &answer);
    }
    Ok(found(delivery, request, &answer))
}

async fn body(
    delivery: &Delivery,
    request: &HttpRequest,
    image: &Image,
    resolved: &Resolved,
) -> Result<(Kind, Bytes), Failure> {
    if let Some(thumbnail) = is_plain(image, resolved).then(|| stored_thumbnail(image, resolved)).flatten() {
        let bytes = delivery.objects.block(&thumbnail.key, 0, thumbnail.bytes).await?;
        return Ok((Kind::Thumbnail, bytes));
    }
    let head = delivery.catalogue.head(image).await?;
    let derivative = &image.descriptor.derivative;
    match plan(&head, resolved).map_err(|e| Refusal::Damaged(format!("{derivative}: {e}")))? {
        Plan::Copy(range) => {
            let bytes = delivery.objects.block(derivative, range.offset, u64::from(range.length)).await?;
            Ok((Kind::Tile, bytes))
        }
        Plan::Compose(composition) => {
            let client = delivery.clients.of(request);
            let (bytes, origin) = delivery.composer.answer(client, image, resolved, composition).await?;
            let kind = match origin {
                Origin::Kept => Kind::Kept,
                Origin::Made => Kind::Made,
            };
            Ok((kind, bytes))
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
