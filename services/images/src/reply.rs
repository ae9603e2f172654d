//! Answers with a body, and those that need none.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use bytes::Bytes;
use dlcs_iiif::{Service, Version};

use crate::conditional::{Validators, header_value};
use crate::metrics::Kind;
use crate::pieces;
use crate::refusal::Refusal;

/// An answer and what it is counted as.
pub(crate) struct Reply {
    pub kind: Kind,
    pub response: HttpResponse,
}

/// Headers that all answers of one kind share.
pub(crate) struct Headers<'a> {
    pub validators: &'a Validators,
    pub cache_control: &'a HeaderValue,
    /// The value of `Link`.
    pub link: HeaderValue,
    /// Whether the answer depends on `Accept`.
    pub varies: bool,
}

impl Headers<'_> {
    fn on(self, mut response: HttpResponse) -> HttpResponse {
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.validators.tag.clone());
        headers.insert(header::LAST_MODIFIED, self.validators.last_modified.clone());
        headers.insert(header::CACHE_CONTROL, self.cache_control.clone());
        headers.insert(header::LINK, self.link);
        if self.varies {
            headers.insert(header::VARY, HeaderValue::from_static("Accept"));
        }
        response
    }

    /// 200 with a body.
    pub fn found(self, kind: Kind, media_type: &'static str, body: Bytes) -> Reply {
        let mut response = self.on(HttpResponse::with_body(StatusCode::OK, pieces::body(body)));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        Reply { kind, response }
    }

    /// 304, if the client has this state already.
    pub fn known(self, request: &HttpRequest) -> Result<Reply, Self> {
        if !self.validators.is_known(request) {
            return Err(self);
        }
        Ok(Reply { kind: Kind::Empty, response: self.on(HttpResponse::new(StatusCode::NOT_MODIFIED)) })
    }
}

/// `Link` of an image: its canonical URI and the compliance level (3.0 §4.8 and §6, 2.1 §4.7 and §6).
pub(crate) fn image_link(
    base: &str,
    canonical: &str,
    service: Service,
    version: Version,
) -> Result<HeaderValue, Refusal> {
    let profile = service.profile(version);
    header_value(["<", base, "/", canonical, ">;rel=\"canonical\", <", profile, ">;rel=\"profile\""].concat())
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
