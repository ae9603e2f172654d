//! The one shape of every error answer: RFC 9457 and a Hydra error at once.

use std::collections::BTreeMap;

use dlcs_model::FailureCode;
use serde::Serialize;
use utoipa::openapi::{RefOr, Response};

use crate::Fault;
use crate::collection::HYDRA;

/// The kinds of problem a client can meet. Each has a stable URI, a title and a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// The body is no JSON.
    MalformedJson,
    /// Something in the request is missing or wrong.
    InvalidRequest,
    /// No or wrong credentials.
    Unauthorized,
    /// Valid credentials, of someone else.
    Forbidden,
    /// There is nothing here.
    NotFound,
    /// There is something here, but not for this method.
    MethodNotAllowed,
    /// The request contradicts what is there.
    Conflict,
    /// What is there is not what the client believes.
    PreconditionFailed,
    /// The request is larger than the limit.
    TooLarge,
    /// The URL is longer than is taken; said by the edge.
    UrlTooLong,
    /// The body is of a kind that is not taken here.
    UnsupportedMediaType,
    /// An idempotency key was used for something else.
    IdempotencyMismatch,
    /// The customer's storage would be over its quota.
    OverQuota,
    /// The client asks more often than it may.
    RateLimited,
    /// An image could not be registered.
    ImageFailed(FailureCode),
    /// Our own fault.
    Internal,
    /// We cannot work at the moment.
    Unavailable,
}

impl ProblemKind {
    /// The last part of the URI.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::MalformedJson => "malformed-json",
            Self::InvalidRequest => "invalid-request",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::MethodNotAllowed => "method-not-allowed",
            Self::Conflict => "conflict",
            Self::PreconditionFailed => "precondition-failed",
            Self::TooLarge => "request-too-large",
            Self::UrlTooLong => "url-too-long",
            Self::UnsupportedMediaType => "unsupported-media-type",
            Self::IdempotencyMismatch => "idempotency-mismatch",
            Self::OverQuota => "over-quota",
            Self::RateLimited => "rate-limited",
            Self::ImageFailed(code) => code.as_str(),
            Self::Internal => "server-error",
            Self::Unavailable => "unavailable",
        }
    }

    /// A few words that are the same each time.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::MalformedJson => "The body is not JSON",
            Self::InvalidRequest => "The request is not valid",
            Self::Unauthorized => "Credentials are needed",
            Self::Forbidden => "These credentials do not reach here",
            Self::NotFound => "Not found",
            Self::MethodNotAllowed => "Method not allowed",
            Self::Conflict => "The request is in conflict with what is there",
            Self::PreconditionFailed => "A precondition does not hold",
            Self::TooLarge => "The request is too large",
            Self::UrlTooLong => "The URL is too long",
            Self::UnsupportedMediaType => "This kind of body is not taken here",
            Self::IdempotencyMismatch => "The idempotency key was used for another request",
            Self::OverQuota => "The customer's storage is full",
            Self::RateLimited => "Too many requests",
            Self::ImageFailed(_) => "The image could not be registered",
            Self::Internal => "Something went wrong on our side",
            Self::Unavailable => "Not available at the moment",
        }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(self) -> u16 {
        match self {
            Self::MalformedJson | Self::InvalidRequest => 400,
            Self::Unauthorized => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::Conflict => 409,
            Self::PreconditionFailed => 412,
            Self::TooLarge => 413,
            Self::UrlTooLong => 414,
            Self::UnsupportedMediaType => 415,
            Self::IdempotencyMismatch => 422,
            Self::OverQuota => 507,
            Self::RateLimited => 429,
            Self::ImageFailed(code) => code.http_status(),
            Self::Internal => 500,
            Self::Unavailable => 503,
        }
    }
}

/// The body of an error answer, `application/problem+json`.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Hydra's context.
    #[serde(rename = "@context")]
    pub context: &'static str,
    /// What the problem is about, if that is a resource.
    #[serde(rename = "@id", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Always `Error`.
    #[serde(rename = "@type")]
    pub ld_type: &'static str,
    /// A stable URI of the kind.
    #[serde(rename = "type")]
    pub kind: String,
    /// A few words that are the same for each of the kind.
    pub title: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// The HTTP status.
    pub status_code: u16,
    /// A sentence about this one.
    pub detail: String,
    /// The same sentence.
    pub description: String,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// Why an image failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<crate::scalars::FailureWord>)]
    pub error_code: Option<FailureCode>,
    /// Under which the log has more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Every fault of the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Fault>,
}

impl Problem {
    /// The body for a kind and a sentence.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: &str) -> Self {
        Self {
            context: HYDRA,
            id: None,
            ld_type: "Error",
            kind: format!("urn:dlcs:problem:{}", kind.slug()),
            title: kind.title(),
            status: kind.status(),
            status_code: kind.status(),
            detail: detail.to_owned(),
            description: detail.to_owned(),
            instance: None,
            error_code: match kind {
                ProblemKind::ImageFailed(code) => Some(code),
                ProblemKind::OverQuota => Some(FailureCode::QuotaExceeded),
                ProblemKind::MalformedJson
                | ProblemKind::InvalidRequest
                | ProblemKind::Unauthorized
                | ProblemKind::Forbidden
                | ProblemKind::NotFound
                | ProblemKind::MethodNotAllowed
                | ProblemKind::Conflict
                | ProblemKind::PreconditionFailed
                | ProblemKind::TooLarge
                | ProblemKind::UrlTooLong
                | ProblemKind::UnsupportedMediaType
                | ProblemKind::IdempotencyMismatch
                | ProblemKind::RateLimited
                | ProblemKind::Internal
                | ProblemKind::Unavailable => None,
            },
            request_id: None,
            errors: Vec::new(),
        }
    }
}

/// The answers to an image that was to be registered at once and could not be, for the documentation.
#[derive(Debug)]
pub struct ImageFailures;

impl utoipa::IntoResponses for ImageFailures {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let mut codes: BTreeMap<u16, Vec<String>> = BTreeMap::new();
        for code in FailureCode::ALL {
            codes.entry(code.http_status()).or_default().push(format!("`{code}`"));
        }
        let answer = |(status, codes): (u16, Vec<String>)| {
            let text = format!("The image could not be registered: {}.", codes.join(", "));
            (status.to_string(), RefOr::T(Response::new(text)))
        };
        codes.into_iter().map(answer).collect()
    }
}
