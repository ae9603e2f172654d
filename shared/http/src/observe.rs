//! Around every request: an id, one log line, metrics, and the last touch on errors.

use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, HttpMessage};
use dlcs_api::ProblemKind;

use crate::Problem;
use crate::auth::Caller;
use crate::problem::Context;
use crate::server::Shared;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id under which the log knows a request; also in the answer's `X-Request-Id`.
#[derive(Debug, Clone)]
pub struct RequestId(String);

impl RequestId {
    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The caller's own id if it is harmless, else a new one.
    fn of(request: &ServiceRequest) -> Self {
        let given = request.headers().get(&HEADER).and_then(|value| value.to_str().ok());
        let harmless =
            |id: &&str| (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        Self(given.filter(harmless).map_or_else(|| uuid::Uuid::now_v7().simple().to_string(), str::to_owned))
    }
}

pub(crate) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let id = RequestId::of(&request);
    request.extensions_mut().insert(id.clone());
    let response = next.call(request).await?.map_into_boxed_body();
    let (response, cause) = explain(response, &id);
    let response = finish(response, &id);
    report(&response, &id, started, cause.as_deref());
    Ok(response)
}

/// Errors get the request's path and id; those of the framework get our shape.
fn explain(response: ServiceResponse, id: &RequestId) -> (ServiceResponse, Option<String>) {
    let Some(error) = response.response().error() else { return (response, None) };
    let path = response.request().path();
    let context = Context { path, request_id: id.as_str() };
    let (answer, cause) = match error.as_error::<Problem>() {
        Some(problem) => (problem.render(Some(context)), problem.cause().map(str::to_owned)),
        None => {
            let status = error.as_response_error().status_code();
            let cause = error.to_string();
            (foreign(status, &cause).render(Some(context)), Some(cause))
        }
    };
    (response.into_response(answer), cause)
}

fn foreign(status: StatusCode, text: &str) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::not_found("There is nothing at this path."),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(ProblemKind::TooLarge, text),
        status if status.is_client_error() => Problem::fault("invalid-request", "", text),
        _ => Problem::internal(text),
    }
}

fn finish(mut response: ServiceResponse, id: &RequestId) -> ServiceResponse {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(HEADER, value);
    }
    response
}

fn report(response: &ServiceResponse, id: &RequestId, started: Instant, cause: Option<&str>) {
    let request = response.request();
    let (method, path, status) = (request.method().as_str(), request.path(), response.status().as_u16());
    let elapsed = started.elapsed();
    if let Some(shared) = request.app_data::<Data<Shared>>() {
        let route = request.match_pattern().unwrap_or_else(|| "unknown".to_owned());
        shared.metrics.observe(method, &route, status, elapsed);
    }
    let duration_ms = elapsed.as_secs_f64() * 1000.0;
    let customer = request.extensions().get::<Caller>().map(|caller| caller.customer.0);
    let request_id = id.as_str();
    if response.status().is_server_error() {
        tracing::error!(request_id, method, path, status, duration_ms, customer, cause, "request");
    } else {
        tracing::info!(request_id, method, path, status, duration_ms, customer, "request");
    }
}
