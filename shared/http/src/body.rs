//! Request bodies as JSON.

use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::{Bytes, BytesMut, Data};
use actix_web::{FromRequest, HttpRequest};
use dlcs_api::ProblemKind;
use futures::StreamExt;
use futures::future::LocalBoxFuture;
use serde_json::Value;

use crate::server::Shared;
use crate::{Problem, json};

/// Bodies above this are parsed on a thread of their own, so that other requests go on.
const PARSE_INLINE: usize = 64 * 1024;
/// How long a body may pause.
const PAUSE: Duration = Duration::from_secs(30);

/// A body read as JSON whatever its Content-Type says, unless that is `image/*` or `multipart/*`.
#[derive(Debug)]
pub struct JsonBody {
    /// What it says.
    pub value: Value,
    /// As it came.
    pub bytes: Bytes,
}

impl FromRequest for JsonBody {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            check_type(&request)?;
            let limit = request.app_data::<Data<Shared>>().map_or(0, |shared| shared.max_body);
            let bytes = read(&request, payload, limit).await?;
            if bytes.len() <= PARSE_INLINE {
                return Ok(Self { value: json::parse(&bytes)?, bytes });
            }
            let body = bytes.clone();
            let parsed = actix_web::web::block(move || json::parse(&body)).await.map_err(Problem::internal)?;
            Ok(Self { value: parsed?, bytes })
        })
    }
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

async fn read(request: &HttpRequest, mut payload: Payload, limit: usize) -> Result<Bytes, Problem> {
    let length = request.headers().get(header::CONTENT_LENGTH);
    let declared = length.and_then(|value| value.to_str().ok()).and_then(|text| text.parse::<usize>().ok());
    let mut body = BytesMut::with_capacity(declared.unwrap_or(0).min(limit));
    let mut dropped = declared.filter(|declared| *declared > limit).map_or(0, |_| 1);
    loop {
        let chunk = match tokio::time::timeout(PAUSE, payload.next()).await {
            Ok(Some(Ok(chunk))) => chunk,
            Ok(Some(Err(error))) => return Err(Problem::fault("incomplete-body", "", error.to_string())),
            Ok(None) => break,
            Err(_) => return Err(Problem::fault("incomplete-body", "", "the body stopped coming")),
        };
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
    Ok(body.freeze())
}
