//! Answers: JSON-LD with an entity tag, and 304 where the client has it already.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Problem;

/// The media type of every resource.
const JSON_LD: &str = "application/ld+json";

/// What an entity tag is made from.
#[derive(Debug, Clone, Copy)]
pub enum Tag<'t> {
    /// The body.
    Body,
    /// This text, for a body that also shows the time of asking.
    Version(&'t str),
}

/// An answer in the making.
#[derive(Debug)]
pub struct Answer<'r> {
    request: &'r HttpRequest,
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    tag: Tag<'r>,
}

impl<'r> Answer<'r> {
    /// 200, to be checked again before it is used again.
    #[must_use]
    pub fn ok(request: &'r HttpRequest) -> Self {
        Self { request, status: StatusCode::OK, headers: Vec::new(), tag: Tag::Body }
    }

    /// 201 with `Location`.
    #[must_use]
    pub fn created(request: &'r HttpRequest, location: &str) -> Self {
        Self::ok(request).status(StatusCode::CREATED).location(location)
    }

    /// Another status.
    #[must_use]
    pub fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// With `Location`.
    #[must_use]
    pub fn location(self, url: &str) -> Self {
        self.header(header::LOCATION, url)
    }

    /// With a header; a value that cannot stand in one is left out.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers.extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }

    /// With an entity tag made from something else than the body.
    #[must_use]
    pub fn tag(mut self, tag: Tag<'r>) -> Self {
        self.tag = tag;
        self
    }

    /// The answer with this body.
    ///
    /// # Errors
    /// If the body cannot be written as JSON.
    pub fn body(self, body: &impl Serialize) -> Result<HttpResponse, Problem> {
        let Self { request, status, headers, tag } = self;
        let body = serde_json::to_vec(body).map_err(Problem::internal)?;
        let tag = match tag {
            Tag::Body => entity_tag(&body),
            Tag::Version(text) => entity_tag(text.as_bytes()),
        };
        let safe = request.method().is_safe() && status == StatusCode::OK;
        let known = safe && has_tag(request, &tag);
        let mut response = HttpResponse::build(if known { StatusCode::NOT_MODIFIED } else { status });
        response.insert_header((header::CACHE_CONTROL, "private, no-cache"));
        if safe {
            response.insert_header((header::ETAG, tag));
        }
        for header in headers {
            response.insert_header(header);
        }
        if known {
            return Ok(response.finish());
        }
        Ok(response.insert_header((header::CONTENT_TYPE, JSON_LD)).body(body))
    }
}

fn entity_tag(text: &[u8]) -> String {
    let digest = Sha256::digest(text);
    let hex: String = digest[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("\"{hex}\"")
}

fn has_tag(request: &HttpRequest, tag: &str) -> bool {
    let values = request.headers().get_all(header::IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let first = Answer::ok(&TestRequest::get().to_http_request()).body(&"page").unwrap();
        let tag = first.headers().get(header::ETAG).unwrap().to_str().unwrap().to_owned();
        for (known, status) in [(tag.clone(), 304), (format!("\"x\", W/{tag}"), 304), ("\"x\"".to_owned(), 200)] {
            let request = TestRequest::get().insert_header((header::IF_NONE_MATCH, known)).to_http_request();
            assert_eq!(Answer::ok(&request).body(&"page").unwrap().status(), status);
        }
        let request = TestRequest::post().insert_header((header::IF_NONE_MATCH, tag)).to_http_request();
        assert_eq!(Answer::created(&request, "/x").body(&"page").unwrap().status(), 201);
    }
}
