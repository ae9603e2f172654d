//! Request bodies as JSON.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{FromRequest, HttpRequest};
use dlcs_api::ProblemKind;
use futures::StreamExt;
use futures::future::LocalBoxFuture;
use serde_json::Value;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::json::Counted;
use crate::server::Shared;
use crate::{Problem, json};

/// Bodies above this are parsed on a thread of their own, so that other requests go on.
const PARSE_INLINE: usize = 64 * 1024;
/// How long a body may pause, and how many bytes a second it must bring on average once it has taken that long.
const PAUSE: Duration = Duration::from_secs(30);
const RATE: u64 = 64 * 1024;
/// The largest body that becomes a tree.
const TREE: usize = 16 * 1024 * 1024;
/// How long a request waits for other large bodies to be done with.
const WAIT: Duration = Duration::from_secs(120);
/// How long a body may take that others wait for.
const HELD: Duration = Duration::from_secs(100);

/// The memory that bodies may take: large ones are let in one after the other, as long as they fit together.
pub(crate) struct Budget {
    room: Arc<Semaphore>,
    permits: u32,
}

impl Budget {
    /// Room for many that are small; one that is larger than all of it is let in alone.
    pub(crate) fn new(bytes: usize) -> Self {
        let permits = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        Self { room: Arc::new(Semaphore::new(permits as usize)), permits }
    }

    /// Waits for room.
    async fn admit(&self, bytes: usize) -> Result<Admitted, Problem> {
        let permits = u32::try_from(bytes / 1024).unwrap_or(u32::MAX).min(self.permits);
        match tokio::time::timeout(WAIT, self.room.clone().acquire_many_owned(permits)).await {
            Ok(permit) => Ok(Admitted(Some(permit.map_err(Problem::internal)?))),
            Err(_) => Err(Problem::unavailable("there was no room for a large body")),
        }
    }
}

/// The right to hold a body; small ones need none. Keep it as long as what was made of the body.
#[derive(Debug, Default)]
pub struct Admitted(
    #[expect(dead_code, reason = "gives the room back when it is dropped")] Option<OwnedSemaphorePermit>,
);

/// A body that is JSON as far as can be told without parsing it; for what is read piece by piece.
#[derive(Debug)]
pub struct JsonText {
    /// As it came.
    pub bytes: Bytes,
    /// The right to hold it.
    pub admitted: Admitted,
}

impl FromRequest for JsonText {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            check_type(&request)?;
            let (bytes, admitted) = read(&request, payload, usize::MAX).await?;
            let body = bytes.clone();
            let checked = move || json::check(&body, Counted::InMembers).map(<[u8]>::len);
            let length = if bytes.len() <= PARSE_INLINE {
                checked()?
            } else {
                actix_web::web::block(checked).await.map_err(Problem::internal)??
            };
            Ok(Self { bytes: bytes.slice(bytes.len() - length..), admitted })
        })
    }
}

/// A body read as JSON whatever its Content-Type says, unless that is `image/*` or `multipart/*`.
#[derive(Debug)]
pub struct JsonBody {
    /// What it says.
    pub value: Value,
    /// The right to hold it.
    pub admitted: Admitted,
}

impl FromRequest for JsonBody {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            check_type(&request)?;
            let (bytes, admitted) = read(&request, payload, TREE).await?;
            Ok(Self { value: parse_json(bytes).await?, admitted })
        })
    }
}

/// Reads a body, or a part of one, as JSON whatever its declared type.
///
/// # Errors
/// 400 for what is no JSON, or nests or branches too much.
pub async fn parse_json(bytes: Bytes) -> Result<Value, Problem> {
    if bytes.len() <= PARSE_INLINE {
        return json::parse(&bytes);
    }
    actix_web::web::block(move || json::parse(&bytes)).await.map_err(Problem::internal)?
}

fn check_type(request: &HttpRequest) -> Result<(), Problem> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = header(header::CONTENT_TYPE).to_ascii_lowercase();
    let encoding = header(header::CONTENT_ENCODING);
    if media_type.starts_with("image/") || media_type.starts_with("multipart/") {
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, "JSON is taken here, not bytes of an image"));
    }
    if !(encoding.is_empty() || encoding.eq_ignore_ascii_case("identity")) {
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, "bodies must come without a Content-Encoding"));
    }
    Ok(())
}

async fn read(request: &HttpRequest, payload: Payload, most: usize) -> Result<(Bytes, Admitted), Problem> {
    let shared = request.app_data::<Data<Shared>>().ok_or_else(|| Problem::internal("no limits are configured"))?;
    let limit = shared.max_body.min(most);
    let length = request.headers().get(header::CONTENT_LENGTH);
    let declared = length.and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<usize>().ok());
    let mut dropped = declared.filter(|declared| *declared > limit).map_or(0, |_| 1);
    let mut admitted = None;
    let mut body = BytesMut::new();
    let mut pieces = Pieces::new(payload);
    loop {
        // What does not say how large it is may become as large as is allowed.
        let expected = declared.unwrap_or(if body.len() < PARSE_INLINE { 0 } else { limit });
        if admitted.is_none() && dropped == 0 && expected > PARSE_INLINE {
            admitted = Some(shared.budget.admit(expected).await?);
            pieces.restart_at(rate(expected));
            body.reserve(expected.min(limit).saturating_sub(body.len()));
        }
        let Some(chunk) = pieces.next().await? else { break };
        if dropped == 0 && body.len() + chunk.len() <= limit {
            body.extend_from_slice(&chunk);
            continue;
        }
        // What is too much is read on for a while and dropped: a client that is still sending would otherwise see a
        // broken connection and not the answer.
        dropped += chunk.len();
        if dropped > limit {
            break;
        }
    }
    if dropped > 0 {
        let detail = format!("the body is larger than the limit of {limit} bytes");
        return Err(Problem::new(ProblemKind::TooLarge, detail));
    }
    Ok((body.freeze(), admitted.unwrap_or_default()))
}

/// Bytes a second that a body of this size must bring: a large one takes room, and must not keep it from others for long.
fn rate(expected: usize) -> u64 {
    RATE.max(expected as u64 / HELD.as_secs())
}

/// A body as it comes. One that pauses for too long, or creeps, is a fault.
pub struct Pieces {
    payload: Payload,
    started: Instant,
    bytes: u64,
    rate: u64,
}

impl Pieces {
    /// Nothing is read yet.
    #[must_use]
    pub fn new(payload: Payload) -> Self {
        Self { payload, started: Instant::now(), bytes: 0, rate: RATE }
    }

    /// Begins to measure anew: until now it was we who made the client wait.
    pub fn restart(&mut self) {
        self.restart_at(self.rate);
    }

    /// The same, against another rate.
    fn restart_at(&mut self, rate: u64) {
        (self.started, self.bytes, self.rate) = (Instant::now(), 0, rate);
    }

    /// The next piece, `None` at the end.
    ///
    /// # Errors
    /// If the body breaks off, pauses or comes too slowly.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        let chunk = match tokio::time::timeout(PAUSE, self.payload.next()).await {
            Ok(Some(Ok(chunk))) => chunk,
            Ok(Some(Err(error))) => return Err(incomplete(error.to_string())),
            Ok(None) => return Ok(None),
            Err(_) => return Err(incomplete("the body stopped coming".to_owned())),
        };
        let elapsed = self.started.elapsed();
        if elapsed > PAUSE && self.bytes < self.rate * elapsed.as_secs() {
            return Err(incomplete("the body came too slowly".to_owned()));
        }
        self.bytes += chunk.len() as u64;
        Ok(Some(chunk))
    }
}

fn incomplete(detail: String) -> Problem {
    Problem::fault("incomplete-body", "", detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_body_keeps_its_room_longer_than_others_wait_for_it() {
        for bytes in [PARSE_INLINE, 1 << 20, dlcs_model::limits::BODY_BYTES] {
            assert!(bytes as u64 / rate(bytes) < WAIT.as_secs(), "{bytes}");
        }
        assert_eq!(rate(0), RATE);
    }

    #[actix_web::test]
    async fn large_bodies_wait_for_room() {
        let budget = Budget::new(1024 * 1024);
        let (first, second) = (budget.admit(600 * 1024).await.unwrap(), budget.admit(300 * 1024).await.unwrap());
        let third = budget.admit(600 * 1024);
        tokio::pin!(third);
        assert!(futures::poll!(third.as_mut()).is_pending());
        drop(second);
        assert!(futures::poll!(third.as_mut()).is_pending());
        drop(first);
        drop(third.await.unwrap());
        budget.admit(9 * 1024 * 1024).await.unwrap();
    }
}
