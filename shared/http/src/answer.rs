//! Answers: JSON-LD with an entity tag, and 304 where the client has it already.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

use crate::{EntityTag, Problem};

/// The media type of every resource.
const JSON_LD: &str = "application/ld+json";

/// What an entity tag is made from.
#[derive(Debug, Clone, Copy)]
pub enum Tag<'t> {
    /// The body: a strong tag.
    Body,
    /// This text, for a body that also shows the time of asking: a weak tag.
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
        Ok(self.bytes(JSON_LD, serde_json::to_vec(body).map_err(Problem::internal)?))
    }

    /// The answer with a body of any other kind.
    #[must_use]
    pub fn bytes(self, media_type: &str, body: Vec<u8>) -> HttpResponse {
        let Self { request, status, headers, tag } = self;
        let tag = match tag {
            Tag::Body => EntityTag::of_bytes(&body),
            Tag::Version(text) => EntityTag::weak(text),
        };
        let safe = request.method().is_safe() && status == StatusCode::OK;
        let known = safe && tag.is_known_to(request);
        let mut response = HttpResponse::build(if known { StatusCode::NOT_MODIFIED } else { status });
        response.insert_header((header::CACHE_CONTROL, "private, no-cache"));
        if safe {
            response.insert_header((header::ETAG, tag.to_string()));
        }
        for header in headers {
            response.insert_header(header);
        }
        if known {
            return response.finish();
        }
        response.insert_header((header::CONTENT_TYPE, media_type)).body(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::Method;
    use actix_web::test::TestRequest;

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        let first = Answer::ok(&TestRequest::get().to_http_request()).body(&"page").unwrap();
        let tag = first.headers().get(header::ETAG).unwrap().to_str().unwrap().to_owned();
        let list = format!("\"x\", W/{tag}");
        for (known, status) in [(&*tag, 304), (&list, 304), ("*", 304), ("\"x\"", 200), ("", 200)] {
            for request in [TestRequest::get(), TestRequest::default().method(Method::HEAD)] {
                let request = request.insert_header((header::IF_NONE_MATCH, known)).to_http_request();
                let answer = Answer::ok(&request).body(&"page").unwrap();
                assert_eq!(answer.status(), status, "{} {known}", request.method());
                assert_eq!(answer.headers().get(header::ETAG).unwrap(), &tag);
            }
        }
        let request = TestRequest::post().insert_header((header::IF_NONE_MATCH, tag)).to_http_request();
        assert_eq!(Answer::created(&request, "/x").body(&"page").unwrap().status(), 201);
    }

    #[test]
    fn a_body_that_shows_the_time_has_a_weak_tag() {
        let first = Answer::ok(&TestRequest::get().to_http_request()).tag(Tag::Version("1")).body(&"12:00").unwrap();
        let tag = first.headers().get(header::ETAG).unwrap().to_str().unwrap().to_owned();
        assert!(tag.starts_with("W/\""), "{tag}");
        let request = TestRequest::get().insert_header((header::IF_NONE_MATCH, tag)).to_http_request();
        assert_eq!(Answer::ok(&request).tag(Tag::Version("1")).body(&"12:01").unwrap().status(), 304);
        assert_eq!(Answer::ok(&request).tag(Tag::Version("2")).body(&"12:01").unwrap().status(), 200);
    }
}
