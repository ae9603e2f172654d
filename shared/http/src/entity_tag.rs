//! Entity tags and the conditions that requests put on them (RFC 9110, section 13).

use std::fmt;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderName};
use actix_web::{FromRequest, HttpRequest};
use dlcs_api::ProblemKind;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::Problem;

/// What tells one state of a resource from another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntityTag {
    opaque: String,
    weak: bool,
}

impl EntityTag {
    /// The tag with which a `GET` that answers this body carries it: the same bytes, the same tag.
    ///
    /// # Errors
    /// If the body cannot be written as JSON.
    pub fn of(body: &impl Serialize) -> Result<Self, Problem> {
        serde_json::to_vec(body).map(|bytes| Self::of_bytes(&bytes)).map_err(Problem::internal)
    }

    pub(crate) fn of_bytes(bytes: &[u8]) -> Self {
        let digest = Sha256::digest(bytes);
        Self { opaque: digest[..12].iter().map(|byte| format!("{byte:02x}")).collect(), weak: false }
    }

    /// A weak tag, for a body that also shows the time of asking.
    pub(crate) fn weak(version: &str) -> Self {
        Self { weak: true, ..Self::of_bytes(version.as_bytes()) }
    }

    /// Whether `If-None-Match` names it: then the client has it already.
    pub(crate) fn is_known_to(&self, request: &HttpRequest) -> bool {
        let strong = format!("\"{}\"", self.opaque);
        let tags = listed(request, &header::IF_NONE_MATCH);
        tags.iter().any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == strong)
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\"{}\"", if self.weak { "W/" } else { "" }, self.opaque)
    }
}

/// What a request says in `If-Match`: only change what I believe is there.
#[derive(Debug, Clone)]
pub struct IfMatch(Vec<String>);

impl IfMatch {
    /// Whether there is a condition at all: without one the current representation need not be made.
    #[must_use]
    pub fn is_given(&self) -> bool {
        !self.0.is_empty()
    }

    /// Compares, strongly, with the tag of what is there. Call it under the lock that the change is made under.
    ///
    /// # Errors
    /// 412 if there is a condition and it does not hold.
    pub fn check(&self, current: &EntityTag) -> Result<(), Problem> {
        let (strong, text) = (!current.weak, current.to_string());
        let holds = !self.is_given() || self.0.iter().any(|tag| tag == "*" || (strong && *tag == text));
        holds.then_some(()).ok_or_else(failed)
    }

    /// The same where there is nothing: no condition holds then, not even `*`.
    ///
    /// # Errors
    /// 412 if there is a condition.
    pub fn check_absent(&self) -> Result<(), Problem> {
        if self.is_given() { Err(failed()) } else { Ok(()) }
    }
}

impl FromRequest for IfMatch {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(listed(request, &header::IF_MATCH))))
    }
}

fn failed() -> Problem {
    let detail = "What is there is not what If-Match names: someone changed it. Read it again.";
    Problem::new(ProblemKind::PreconditionFailed, detail)
}

/// The tags of a header, each as it stands there.
fn listed(request: &HttpRequest, name: &HeaderName) -> Vec<String> {
    let values = request.headers().get_all(name).map(|value| value.to_str().unwrap_or("unreadable"));
    values.flat_map(|value| value.split(',')).map(|tag| tag.trim().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::http::StatusCode;
    use actix_web::{ResponseError, test::TestRequest};

    async fn if_match(values: &[&str]) -> IfMatch {
        let request = TestRequest::patch();
        let request = values.iter().fold(request, |request, value| request.append_header((header::IF_MATCH, *value)));
        IfMatch::extract(&request.to_http_request()).await.unwrap()
    }

    #[actix_web::test]
    async fn only_what_is_believed_to_be_there_is_changed() {
        let tag = EntityTag::of(&"page").unwrap();
        let (text, weak) = (tag.to_string(), EntityTag::weak("page"));
        let cases: [(&[&str], bool); 8] = [
            (&[], true),
            (&["*"], true),
            (&[&text], true),
            (&[&format!("\"x\", {text}")], true),
            (&["\"x\"", &text], true),
            (&["\"x\""], false),
            (&[&format!("W/{text}")], false),
            (&[""], false),
        ];
        for (values, holds) in cases {
            let condition = if_match(values).await;
            assert_eq!(condition.check(&tag).is_ok(), holds, "{values:?}");
            assert_eq!(condition.check_absent().is_ok(), values.is_empty(), "{values:?}");
        }
        let refusal = if_match(&[&weak.to_string()]).await.check(&weak).unwrap_err();
        assert_eq!(refusal.status_code(), StatusCode::PRECONDITION_FAILED, "a weak tag is no basis for a change");
    }
}
