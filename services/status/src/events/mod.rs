//! Progress as streams of server-sent events: one for a batch, one for a customer's queue.
//!
//! What is told are the [steps](dlcs_db::step) that the roller wrote, under their own numbers, so that an id means the
//! same at every replica and after every restart. One [poller](feeds) a process reads what is new for all streams;
//! a stream that resumes, or cannot keep up, reads by itself until it has caught up.

pub mod batch;
mod feeds;
mod follower;
mod message;
pub mod queue;

use std::time::Duration;

use actix_web::http::{Method, header};
use actix_web::web::{Bytes, Data};
use actix_web::{HttpRequest, HttpResponse};
use dlcs_db::step::Position;
use dlcs_http::{Authenticator, Problem};
use dlcs_service::CancellationToken;

pub use batch::events as of_batch;
pub use feeds::Feeds;
use follower::Follower;
pub use message::{Count, Event};
pub use queue::events as of_queue;

use crate::metrics::Streams;

/// What streams share.
pub struct Events {
    /// What is new.
    pub feeds: Feeds,
    /// Whether a caller may still listen.
    pub authenticator: Data<Authenticator>,
    /// Told when the service stops, which ends every stream.
    pub shutdown: CancellationToken,
    /// How often a stream says that it is alive.
    pub heartbeat: Duration,
    /// Figures.
    pub metrics: Streams,
}

/// Where a client says it has come to: `Last-Event-ID`, or `lastEventId` in the query where no header can be sent.
fn resumed(request: &HttpRequest) -> Result<Option<Position>, Problem> {
    let header = request.headers().get("last-event-id").map(|value| value.to_str().unwrap_or("unreadable"));
    let query = request.query_string().split('&').find_map(|pair| pair.strip_prefix("lastEventId="));
    let position = |text: Option<&str>| {
        let fault = || Problem::fault("invalid-event-id", "Last-Event-ID", "this is not the id of an event of ours");
        text.filter(|text| !text.is_empty()).map(|text| message::parse_id(text).ok_or_else(fault)).transpose()
    };
    let (header, query) = (position(header)?, position(query)?);
    Ok(header.or(query))
}

/// The answer that a stream begins with, told whole or followed.
fn answer(request: &HttpRequest, first: Bytes, follower: Option<Follower>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CONTENT_TYPE, "text/event-stream"));
    response.insert_header((header::CACHE_CONTROL, "private, no-store"));
    // A proxy that would collect the answer first is asked not to.
    response.insert_header(("X-Accel-Buffering", "no"));
    match follower {
        _ if request.method() == Method::HEAD => response.finish(),
        Some(follower) => response.streaming(follower.into_stream(first)),
        None => response.body(first),
    }
}
