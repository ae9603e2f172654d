//! The answers to requests that are refused, each described once.

use dlcs_api::{Fault, Problem, ProblemKind};
use serde_json::{Value, json};

/// What can happen to many operations: the name of the answer, its kind, a sentence.
const COMMON: [(&str, ProblemKind, &str); 10] = [
    ("InvalidRequest", ProblemKind::InvalidRequest, "at least one thing in the request is missing or wrong"),
    ("Unauthorized", ProblemKind::Unauthorized, "This needs HTTP Basic credentials."),
    ("Forbidden", ProblemKind::Forbidden, "This key belongs to another customer."),
    ("NotFound", ProblemKind::NotFound, "There is no such image."),
    ("TooLarge", ProblemKind::TooLarge, "the body is larger than the limit of 67108864 bytes"),
    ("UrlTooLong", ProblemKind::UrlTooLong, "The URL is longer than 8 KB; put what it asks into fewer words."),
    ("UnsupportedMediaType", ProblemKind::UnsupportedMediaType, "JSON is taken here, not bytes of an image"),
    ("RateLimited", ProblemKind::RateLimited, "This key makes more requests than it may. Try again in 1 s."),
    ("Internal", ProblemKind::Internal, "Something went wrong on our side."),
    ("Unavailable", ProblemKind::Unavailable, "We cannot work on this at the moment; please try again."),
];

/// The answers that many operations share, for `components/responses`.
pub fn components() -> Value {
    let mut answers = serde_json::Map::new();
    for (name, kind, detail) in COMMON {
        let mut answer = answer(kind.title(), kind, detail);
        answer["headers"] = match kind {
            ProblemKind::Unauthorized => json!({"WWW-Authenticate": header("How to say who you are.")}),
            ProblemKind::Unavailable | ProblemKind::RateLimited => json!({"Retry-After": header("Seconds to wait.")}),
            _ => json!({}),
        };
        answers.insert(name.to_owned(), answer);
    }
    Value::Object(answers)
}

/// A reference to the shared answer of a status.
pub fn shared(status: u16) -> Value {
    let (name, ..) = COMMON.iter().find(|(_, kind, _)| kind.status() == status).unwrap();
    json!({"$ref": format!("#/components/responses/{name}")})
}

/// An answer of one operation.
pub fn own(status: u16, description: &str) -> Value {
    let kind = match status {
        400 => ProblemKind::InvalidRequest,
        403 => ProblemKind::Forbidden,
        404 => ProblemKind::NotFound,
        409 => ProblemKind::Conflict,
        412 => ProblemKind::PreconditionFailed,
        413 => ProblemKind::TooLarge,
        422 if description.contains("idempotency") => ProblemKind::IdempotencyMismatch,
        507 if description.contains("storage") => ProblemKind::OverQuota,
        other => failure(other),
    };
    answer(description, kind, description)
}

/// What an image that failed is answered with.
fn failure(status: u16) -> ProblemKind {
    let code = dlcs_model::FailureCode::ALL.iter().find(|code| code.http_status() == status);
    ProblemKind::ImageFailed(*code.unwrap_or_else(|| panic!("no kind of problem has the status {status}")))
}

fn answer(description: &str, kind: ProblemKind, detail: &str) -> Value {
    let mut problem = Problem::new(kind, detail);
    if kind.status() == 400 {
        let (pointer, code) = ("/member/3/origin".to_owned(), "missing-origin");
        problem.errors.push(Fault {
            pointer,
            code,
            detail: "an image in a queue must say where to fetch it".to_owned(),
        });
    }
    let schema = json!({"$ref": "#/components/schemas/Problem"});
    json!({"description": description, "content": {"application/problem+json": {"schema": schema, "example": problem}}})
}

fn header(description: &str) -> Value {
    json!({"description": description, "required": true, "schema": {"type": "string"}})
}
