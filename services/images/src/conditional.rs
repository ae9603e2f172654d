//! Entity tags and conditional requests (RFC 9110 §13).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::HttpRequest;
use actix_web::http::header::{self, HttpDate};

/// What identifies a state of an answer.
pub(crate) struct Validators {
    /// A strong tag, in its quotes.
    pub tag: String,
    /// When the image was published, in seconds since 1970.
    pub modified: i64,
}

impl Validators {
    /// A tag of the image's `state` and of what exactly is answered.
    pub fn new(state: &str, answer: &[u8], modified: i64) -> Self {
        Self { tag: format!("\"{state}-{:016x}\"", fnv(answer)), modified }
    }

    /// `Last-Modified`.
    pub fn last_modified(&self) -> String {
        HttpDate::from(time(self.modified)).to_string()
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
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.tag
    }
}

fn time(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}

/// FNV-1a: the same on every machine and in every build, so that a tag holds across servers.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
