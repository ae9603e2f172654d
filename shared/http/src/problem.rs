//! Errors as clients see them: every failing request is answered through [`Problem`].

use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use dlcs_api::{Fault, Faults, ProblemKind};
use dlcs_db::DbError;
use dlcs_model::FailureCode;

/// Seconds after which a client may try again when we cannot work.
const RETRY_AFTER: &str = "5";

/// Why a request is not answered as asked. Cheap to move.
#[derive(Debug)]
pub struct Problem(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ProblemKind,
    detail: String,
    faults: Vec<Fault>,
    about: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// For the log, never for the client.
    cause: Option<String>,
}

/// What the answer says beyond the problem itself.
#[derive(Debug, Clone, Copy)]
pub struct Context<'r> {
    /// The path that was asked for.
    pub path: &'r str,
    /// The request's id.
    pub request_id: &'r str,
}

impl Problem {
    /// A problem and a sentence for the client.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        let (faults, headers) = (Vec::new(), Vec::new());
        Self(Box::new(Inner { kind, detail: detail.into(), faults, about: None, headers, cause: None }))
    }

    /// 400 with a single fault, whose sentence is also the problem's.
    #[must_use]
    pub fn fault(code: &'static str, pointer: impl Into<String>, detail: impl Into<String>) -> Self {
        Faults::one(code, pointer, detail).into()
    }

    /// 400 for a body that is no JSON, in the parser's words.
    #[must_use]
    pub fn malformed(error: impl fmt::Display) -> Self {
        crate::json::malformed(error)
    }

    /// 404.
    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotFound, detail)
    }

    /// 409.
    #[must_use]
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Conflict, detail)
    }

    /// An image that could not be registered, with the sentence stored for it.
    #[must_use]
    pub fn image(code: FailureCode, detail: impl Into<String>, image: impl Into<String>) -> Self {
        Self::new(ProblemKind::ImageFailed(code), detail).about(image)
    }

    /// 500; the cause goes to the log only.
    #[must_use]
    pub fn internal(cause: impl fmt::Display) -> Self {
        Self::new(ProblemKind::Internal, "Something went wrong on our side; the request id leads to the details.")
            .because(cause)
    }

    /// 503 with `Retry-After`; the cause goes to the log only.
    #[must_use]
    pub fn unavailable(cause: impl fmt::Display) -> Self {
        let detail = "We cannot work on this at the moment. Nothing was changed; please try again.";
        Self::new(ProblemKind::Unavailable, detail)
            .header(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER))
            .because(cause)
    }

    /// 503 for an outage of the database, 400 for a place that is none, 500 for anything else it says.
    #[must_use]
    pub fn database(error: &DbError) -> Self {
        match error {
            DbError::Cursor => Self::fault("invalid-cursor", "?after", "this comes from no link of this collection"),
            error if error.is_transient() => Self::unavailable(error),
            error => Self::internal(error),
        }
    }

    /// With a header on the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.0.headers.push((name, value));
        self
    }

    /// With the URL of the resource it is about.
    #[must_use]
    pub fn about(mut self, url: impl Into<String>) -> Self {
        self.0.about = Some(url.into());
        self
    }

    fn because(mut self, cause: impl fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    /// The same with another kind.
    #[must_use]
    pub fn as_kind(mut self, kind: ProblemKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> ProblemKind {
        self.0.kind
    }

    /// The sentence for the client.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// What the log should know.
    pub(crate) fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// The answer.
    pub(crate) fn render(&self, context: Option<Context<'_>>) -> HttpResponse {
        let Inner { kind, detail, faults, about, headers, cause: _ } = &*self.0;
        let status = StatusCode::from_u16(kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut body = dlcs_api::Problem::new(*kind, detail);
        body.id.clone_from(about);
        body.errors.clone_from(faults);
        if let Some(Context { path, request_id }) = context {
            body.instance = Some(path.to_owned());
            body.request_id = status.is_server_error().then(|| request_id.to_owned());
        }
        let mut response = HttpResponse::build(status);
        for (name, value) in headers {
            response.append_header((name.clone(), value.clone()));
        }
        response.insert_header((header::CONTENT_TYPE, "application/problem+json"));
        response.body(serde_json::to_vec(&body).unwrap_or_default())
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.kind.slug(), self.0.detail)
    }
}

impl std::error::Error for Problem {}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.render(None)
    }
}

impl From<Faults> for Problem {
    fn from(faults: Faults) -> Self {
        let total = faults.total();
        let listed = faults.into_listed();
        let detail = match (total, listed.as_slice()) {
            (1, [only]) => only.detail.clone(),
            (_, listed) if listed.len() < total => format!("{total} faults; the first {} are listed.", listed.len()),
            _ => format!("{total} faults."),
        };
        let mut problem = Self::new(ProblemKind::InvalidRequest, detail);
        problem.0.faults = listed;
        problem
    }
}

impl From<DbError> for Problem {
    fn from(error: DbError) -> Self {
        Self::database(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::body::to_bytes;
    use serde_json::{Value, json};

    async fn rendered(problem: Problem) -> Value {
        let context = Context { path: "/customers/2/queue", request_id: "r1" };
        let response = problem.render(Some(context));
        assert_eq!(response.headers().get(header::CONTENT_TYPE).unwrap(), "application/problem+json");
        serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap()
    }

    #[actix_web::test]
    async fn a_server_error_shows_its_request_id_and_nothing_else() {
        let body = rendered(Problem::internal("relation \"image\" does not exist")).await;
        let expected = json!({
            "@context": "http://www.w3.org/ns/hydra/context.jsonld", "@type": "Error",
            "type": "urn:dlcs:problem:server-error", "title": "Something went wrong on our side",
            "status": 500, "statusCode": 500,
            "detail": "Something went wrong on our side; the request id leads to the details.",
            "description": "Something went wrong on our side; the request id leads to the details.",
            "instance": "/customers/2/queue", "requestId": "r1"
        });
        assert_eq!(body, expected);
    }

    #[actix_web::test]
    async fn faults_are_listed_and_counted() {
        let mut faults = Faults::default();
        for n in 0..150 {
            faults.add("missing-origin", || format!("/member/{n}/origin"), || "no origin".to_owned());
        }
        let body = rendered(faults.into()).await;
        assert_eq!(body["errors"].as_array().unwrap().len(), 100);
        assert_eq!(body["detail"], "150 faults; the first 100 are listed.");
        assert_eq!(body["errors"][7]["pointer"], "/member/7/origin");
        assert_eq!(body["requestId"], Value::Null);
    }

    #[actix_web::test]
    async fn a_failed_image_is_named() {
        let body = rendered(Problem::image(FailureCode::NotAnImage, "the bytes are HTML", "http://x/i")).await;
        assert_eq!(
            (&body["status"], &body["errorCode"], &body["@id"]),
            (&json!(422), &json!("not-an-image"), &json!("http://x/i"))
        );
    }
}
