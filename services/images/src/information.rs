//! The information documents.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderValue};
use bytes::Bytes;
use dlcs_iiif::{MediaType, Service, Subject, Version, information, negotiate_version};

use crate::catalogue::Image;
use crate::conditional::{Validators, header_value};
use crate::metrics::Kind;
use crate::path::Target;
use crate::refusal::Refusal;
use crate::reply::{Headers, Reply};

/// Information changes when an image is registered again; viewers should notice soon.
static CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// Documents kept of one image: of its two versions, services and media types, at a few roots.
const KEPT: usize = 8;

/// What a document is made for.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Asked {
    service: Service,
    version: Version,
    media_type: MediaType,
    id: String,
}

/// A document that is ready to be sent.
#[derive(Debug)]
struct Document {
    body: Bytes,
    validators: Validators,
    link: HeaderValue,
}

/// The documents of an image that were asked for.
#[derive(Debug, Default)]
pub(crate) struct Documents(Mutex<VecDeque<(Asked, Arc<Document>)>>);

impl Documents {
    fn get(&self, asked: Asked, image: &Image) -> Result<Arc<Document>, Refusal> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, document)) = kept.iter().find(|(of, _)| *of == asked) {
            return Ok(document.clone());
        }
        let document = Arc::new(document(&asked, image)?);
        kept.truncate(KEPT - 1);
        kept.push_front((asked, document.clone()));
        Ok(document)
    }
}

/// The document of `image`, in the version of the path or else of `Accept`. A document of 2.1 that was asked for by
/// `Accept` names the path where 2.1 is spoken, because requests to the plain path are read as 3.0.
pub(crate) fn answer(
    request: &HttpRequest,
    root: String,
    target: &Target<'_>,
    image: &Image,
) -> Result<Reply, Refusal> {
    let accept = request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok());
    let version = target.version.unwrap_or_else(|| negotiate_version(accept));
    let named = match version {
        Version::V2 => Some(Version::V2),
        Version::V3 => target.version,
    };
    let media_type = MediaType::negotiate(version, accept);
    let asked = Asked { service: target.service, version, media_type, id: target.base(root, named) };
    let document = image.documents.get(asked, image)?;
    let Document { body, validators, link } = &*document;
    let headers = Headers { validators, cache_control: &CACHE_CONTROL, link: link.clone(), varies: true };
    Ok(match headers.known(request) {
        Ok(reply) => reply,
        Err(headers) => headers.found(Kind::Information, media_type.name(version), body.clone()),
    })
}

fn document(asked: &Asked, image: &Image) -> Result<Document, Refusal> {
    let Asked { service, version, media_type, id } = asked;
    let (subject, sizes) = described(*service, image);
    let body = information(*version, *service, id, &subject, &sizes).to_string();
    let identity = [body.as_bytes(), media_type.name(*version).as_bytes()].concat();
    let validators = Validators::new(image, &identity)?;
    let mut link = format!("<{}>;rel=\"profile\"", service.profile(*version));
    if *media_type == MediaType::Json {
        let context = format!(
            ", <{}>;rel=\"http://www.w3.org/ns/json-ld#context\";type=\"application/ld+json\"",
            version.context()
        );
        link.push_str(&context);
    }
    Ok(Document { body: Bytes::from(body), validators, link: header_value(link)? })
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
