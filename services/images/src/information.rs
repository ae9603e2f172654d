//! The information documents.

use actix_web::HttpRequest;
use actix_web::http::header;
use bytes::Bytes;
use dlcs_iiif::{MediaType, Service, Subject, Version, information, negotiate_version};

use crate::catalogue::Image;
use crate::conditional::Validators;
use crate::metrics::Kind;
use crate::path::Target;
use crate::reply::{Headers, Reply};

/// Information changes when an image is registered again; viewers should notice soon.
const CACHE_CONTROL: &str = "public, max-age=60";

/// The document of `image`, in the version of the path or else of `Accept`. A document of 2.1 that was asked for by
/// `Accept` names the path where 2.1 is spoken, because requests to the plain path are read as 3.0.
pub(crate) fn answer(request: &HttpRequest, root: &str, target: &Target<'_>, image: &Image) -> Reply {
    let accept = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok());
    let version = target.version.unwrap_or_else(|| negotiate_version(accept));
    let named = match version {
        Version::V2 => Some(Version::V2),
        Version::V3 => target.version,
    };
    let id = format!("{root}{}", target.base(named));
    let media_type = MediaType::negotiate(version, accept);
    let (subject, sizes) = described(target.service, image);
    let document = information(version, target.service, &id, &subject, &sizes).to_string();
    let name = media_type.name(version);
    let identity = [document.as_bytes(), name.as_bytes()].concat();
    let validators = Validators::new(&image.state, &identity, image.descriptor.modified);
    let mut link = format!("<{}>;rel=\"profile\"", target.service.profile(version));
    if media_type == MediaType::Json {
        let context = format!(
            ", <{}>;rel=\"http://www.w3.org/ns/json-ld#context\";type=\"application/ld+json\"",
            version.context()
        );
        link.push_str(&context);
    }
    let headers = Headers { validators: &validators, cache_control: CACHE_CONTROL, link, varies: true };
    match headers.known(request) {
        Ok(reply) => reply,
        Err(headers) => headers.found(Kind::Information, name, Bytes::from(document)),
    }
}

/// What a service's document speaks of: the image, or for thumbnails the largest one that is stored.
fn described(service: Service, image: &Image) -> (Subject, Vec<(u32, u32)>) {
    let sizes: Vec<_> = image.open_thumbnails().map(|t| (t.width, t.height)).collect();
    match service {
        Service::Image => (image.subject, sizes),
        Service::Thumbnails => {
            let sizes = if image.descriptor.thumbnails.is_empty() {
                vec![(image.subject.width, image.subject.height)]
            } else {
                sizes
            };
            let (width, height) = sizes.last().copied().unwrap_or((image.subject.width, image.subject.height));
            (Subject { width, height, ..image.subject }, sizes)
        }
    }
}
