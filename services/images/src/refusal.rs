//! Answers that are no image: why, and how that is said (RFC 9457 and Hydra in one document).

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use dlcs_iiif::RequestError;
use serde_json::json;

/// Why a request is not served.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Refusal {
    /// Absent, not ready, deleted: one answer for all.
    #[error("there is no such image")]
    NotFound,
    /// The path cannot be decoded.
    #[error("the path is not valid percent-encoded UTF-8")]
    Encoding,
    /// The request cannot be fulfilled for this image.
    #[error("{0}")]
    Request(RequestError),
    /// The thumbnail service has only what is stored.
    #[error("thumbnails exist in these sizes only: {0}")]
    NotStored(String),
    /// Neither GET nor HEAD nor OPTIONS.
    #[error("images can only be read: GET, HEAD and OPTIONS are possible")]
    Method,
    /// The client has had its share of composed pixels.
    #[error("so many pixels have been composed for this client that it has to wait; try again in {seconds} s")]
    Spent {
        /// Until there are enough again.
        seconds: u64,
    },
    /// No memory or processor within the wait.
    #[error("the service is busy; try again in a moment")]
    Busy,
    /// The object store failed. The text is for the log.
    #[error("{0}")]
    Store(String),
    /// Stored data cannot be used. The text is for the log.
    #[error("{0}")]
    Damaged(String),
}

impl Refusal {
    pub fn status(&self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Encoding | Self::NotStored(_) => StatusCode::BAD_REQUEST,
            Self::Request(error) => StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST),
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Spent { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Busy | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Damaged(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A stable name for programs.
    fn code(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::Encoding => "invalid-path",
            Self::Request(RequestError::Malformed { .. }) => "invalid-parameter",
            Self::Request(RequestError::OutsideImage { .. }) => "region-outside-image",
            Self::Request(RequestError::Empty { .. }) => "empty-size",
            Self::Request(RequestError::Upscaling { .. }) => "upscaling-not-asked-for",
            Self::Request(RequestError::TooLarge { .. }) => "over-limit",
            Self::Request(RequestError::NotOpen { .. }) => "not-open",
            Self::NotStored(_) => "not-a-stored-size",
            Self::Method => "method-not-allowed",
            Self::Spent { .. } => "rate-limited",
            Self::Busy => "busy",
            Self::Store(_) => "store-unavailable",
            Self::Damaged(_) => "internal",
        }
    }

    /// What the client is told; inner trouble stays in the log.
    fn detail(&self, request_id: &str) -> String {
        match self {
            Self::Store(_) => format!("the image cannot be read at the moment (request {request_id})"),
            Self::Damaged(_) => format!("something went wrong here (request {request_id})"),
            other => other.to_string(),
        }
    }

    pub fn response(&self, path: &str, request_id: &str) -> HttpResponse {
        let (status, detail, code) = (self.status(), self.detail(request_id), self.code());
        let body = json!({
            "@context": "http://www.w3.org/ns/hydra/context.jsonld",
            "@type": "Error",
            "type": format!("urn:dlcs:problem:{code}"),
            "title": status.canonical_reason().unwrap_or("Error"),
            "status": status.as_u16(),
            "statusCode": status.as_u16(),
            "detail": detail,
            "description": detail,
            "instance": path,
            "requestId": request_id,
            "errors": [{ "pointer": "", "code": code, "detail": detail }],
        });
        let mut response = HttpResponse::build(status);
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        response.insert_header((header::CACHE_CONTROL, "no-cache"));
        response.insert_header(("x-request-id", request_id));
        match self {
            Self::Busy | Self::Store(_) => {
                response.insert_header((header::RETRY_AFTER, "1"));
            }
            Self::Spent { seconds } => {
                response.insert_header((header::RETRY_AFTER, *seconds));
            }
            Self::Method => {
                response.insert_header((header::ALLOW, "GET, HEAD, OPTIONS"));
            }
            Self::Request(RequestError::NotOpen { .. }) => {
                // RFC 9110 §15.5.2: a 401 names a way to authenticate.
                response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"DLCS\""));
            }
            _ => {}
        }
        response.body(body.to_string())
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        Self::Request(error)
    }
}
