//! `GET /customers/{c}/queue/batches/{b}/events`: one batch until it has finished.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use dlcs_db::Database;
use dlcs_db::step::{self, Position};
use dlcs_http::{Authorized, Credentials, InPath, Problem, PublicLinks};
use dlcs_model::BatchId;

use super::follower::{Follower, Subject};
use super::message::Text;
use super::{Events, answer, resumed};

/// The state of the batch, then what happens to it; after an id, what has happened since. A client that has seen the
/// end is answered 204, which tells it not to come again.
#[utoipa::path(
    get,
    path = "/customers/{customer}/queue/batches/{batch}/events",
    operation_id = "followBatch",
    tag = "batches",
    params(
        ("Last-Event-ID" = Option<String>, Header, pattern = "^([0-9]{1,18}(-[0-9]{1,9})?)?$",
            description = "The id of the last event seen; 0 for all there are."),
        ("lastEventId" = Option<String>, Query, pattern = "^([0-9]{1,18}(-[0-9]{1,9})?)?$",
            description = "The same, where no header can be sent."),
    ),
    responses(
        (status = 200, description = "Events `progress`, `image` and, at the end, `finished`.", body = inline(super::Event<'_>),
            content_type = "text/event-stream"),
        (status = 204, description = "The end was seen; do not come again."),
        (status = 400, description = "Last-Event-ID is not the id of an event."),
    ),
)]
pub async fn events(
    request: HttpRequest,
    Authorized { customer, .. }: Authorized,
    InPath(id): InPath<BatchId>,
    PublicLinks(links): PublicLinks,
    database: Data<Database>,
    events: Data<Events>,
) -> Result<HttpResponse, Problem> {
    let resumed = resumed(&request)?;
    let mut db = database.get().await?;
    let begun = step::beginning(&mut db, customer, Some(id), 1).await?;
    let batch = begun.batches.into_iter().next().ok_or_else(|| Problem::not_found("There is no such batch."))?;
    let last = begun.number;
    let (at, mut first) = match resumed {
        Some(at) => (at.min(Position::behind(last)), Text::begin(None)),
        None => (Position::behind(last), Text::begin(Some(last))),
    };
    if resumed.is_some() && batch.finished.is_some() && step::next_of(&mut db, id, at).await?.is_empty() {
        return Ok(HttpResponse::NoContent().finish());
    }
    drop(db);
    if resumed.is_none() {
        first.progress(&links, &batch, Utc::now(), None);
        if batch.finished.is_some() {
            first.finished(&links, &batch, Utc::now(), &last.to_string());
            events.metrics.told(first.count);
            return Ok(answer(&request, first.done(), None));
        }
    }
    events.metrics.told(first.count);
    let subject = Subject { customer, batch: Some(id), links, credentials: Credentials::of(&request) };
    let follower = Follower::new(subject, events, at, last);
    Ok(answer(&request, first.done(), Some(follower)))
}
