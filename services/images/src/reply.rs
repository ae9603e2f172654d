//! Answers with a body, and those that need none.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use bytes::Bytes;
use dlcs_iiif::{Service, Version};

use crate::conditional::Validators;
use crate::metrics::Kind;

/// An answer and what it is counted as.
pub(crate) struct Reply {
    pub kind: Kind,
    pub response: HttpResponse,
}

/// Headers that all answers of one kind share.
pub(crate) struct Headers<'a> {
    pub validators: &'a Validators,
    pub cache_control: &'a str,
    /// The value of `Link`.
    pub link: String,
    /// Whether the answer depends on `Accept`.
    pub varies: bool,
}

impl Headers<'_> {
    fn on(self, mut builder: HttpResponseBuilder) -> HttpResponseBuilder {
        builder
            .insert_header((header::ETAG, self.validators.tag.as_str()))
            .insert_header((header::LAST_MODIFIED, self.validators.last_modified()))
            .insert_header((header::CACHE_CONTROL, self.cache_control))
            .insert_header((header::LINK, self.link));
        if self.varies {
            builder.insert_header((header::VARY, "Accept"));
        }
        builder
    }

    /// 200 with a body.
    pub fn found(self, kind: Kind, media_type: &str, body: Bytes) -> Reply {
        let mut builder = self.on(HttpResponse::Ok());
        Reply { kind, response: builder.insert_header((header::CONTENT_TYPE, media_type)).body(body) }
    }

    /// 304, if the client has this state already.
    pub fn known(self, request: &HttpRequest) -> Result<Reply, Self> {
        if !self.validators.is_known(request) {
            return Err(self);
        }
        Ok(Reply { kind: Kind::Empty, response: self.on(HttpResponse::NotModified()).finish() })
    }
}

/// `Link` of an image: its canonical URI and the compliance level (3.0 §4.8 and §6, 2.1 §4.7 and §6).
pub(crate) fn image_link(base: &str, canonical: &str, service: Service, version: Version) -> String {
    format!("<{base}/{canonical}>;rel=\"canonical\", <{}>;rel=\"profile\"", service.profile(version))
}

/// 303 to the information document (3.0 §2.2, 2.1 §2.2).
pub(crate) fn see_information(base: &str) -> Reply {
    let location = format!("{base}/info.json");
    Reply { kind: Kind::Empty, response: HttpResponse::SeeOther().insert_header((header::LOCATION, location)).finish() }
}

/// The answer to a CORS preflight.
pub(crate) fn preflight() -> Reply {
    let mut builder = HttpResponse::NoContent();
    builder
        .insert_header((header::ALLOW, "GET, HEAD, OPTIONS"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, "*"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"));
    Reply { kind: Kind::Empty, response: builder.finish() }
}
