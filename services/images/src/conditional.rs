//! Entity tags and conditional requests (RFC 9110 §13).

use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderValue, HttpDate};

use crate::catalogue::Image;
use crate::refusal::Refusal;

/// What identifies a state of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Validators {
    /// A strong tag, in its quotes.
    pub tag: HeaderValue,
    /// When the image was published.
    pub last_modified: HeaderValue,
    /// The same, in seconds since 1970.
    modified: i64,
}

impl Validators {
    /// A tag of the image's state and of what exactly is answered.
    pub fn new(image: &Image, answer: &[u8]) -> Result<Self, Refusal> {
        let mut tag = String::with_capacity(image.state.len() + 24);
        // Writing to a string cannot fail.
        let _ = write!(tag, "\"{}-{:016x}\"", image.state, fnv(answer));
        let last_modified = image.last_modified.clone();
        Ok(Self { tag: header_value(tag)?, last_modified, modified: image.descriptor.modified })
    }

    /// Whether the client already has this state. `If-None-Match` decides alone where it is sent.
    pub fn is_known(&self, request: &HttpRequest) -> bool {
        let headers = request.headers();
        if headers.contains_key(header::IF_NONE_MATCH) {
            let mut tags = headers.get_all(header::IF_NONE_MATCH).filter_map(|v| v.to_str().ok());
            return tags.any(|list| list.split(',').map(str::trim).any(|tag| self.matches(tag)));
        }
        let since = headers.get(header::IF_MODIFIED_SINCE).and_then(|v| v.to_str().ok());
        let since: Option<HttpDate> = since.and_then(|text| text.parse().ok());
        since.is_some_and(|since| SystemTime::from(since) >= time(self.modified))
    }

    fn matches(&self, tag: &str) -> bool {
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == self.tag.as_bytes()
    }
}

/// The value of `Last-Modified`.
pub(crate) fn last_modified(seconds: i64) -> HeaderValue {
    let text = HttpDate::from(time(seconds)).to_string();
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Thu, 01 Jan 1970 00:00:00 GMT"))
}

/// The value of a header. Only damaged descriptors and settings hold what cannot stand there.
pub(crate) fn header_value(text: String) -> Result<HeaderValue, Refusal> {
    HeaderValue::try_from(text).map_err(|e| Refusal::Damaged(e.to_string()))
}

fn time(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// FNV-1a: the same on every machine and in every build, so that a tag holds across servers.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
