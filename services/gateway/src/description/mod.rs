//! What the API says about itself, open to all.

pub mod contexts;
pub mod document;
pub mod page;
pub mod vocabulary;

use actix_web::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use dlcs_http::Answer;

/// Descriptions change with versions only, and processors in browsers fetch them from anywhere.
fn public(answer: Answer<'_>) -> Answer<'_> {
    answer.header(CACHE_CONTROL, "public, max-age=3600").header(ACCESS_CONTROL_ALLOW_ORIGIN, "*")
}
