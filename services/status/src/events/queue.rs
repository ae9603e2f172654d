//! `GET /customers/{c}/queue/events`: all batches of a customer, without end.

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use chrono::Utc;
use dlcs_db::Database;
use dlcs_db::step::{self, Position};
use dlcs_http::{Authorized, Credentials, Problem, PublicLinks};

use super::follower::{Follower, Subject};
use super::message::Text;
use super::{Events, answer, resumed};
use crate::require_customer;

/// Open batches whose state is told at the beginning; more are in the lists.
const OPEN_BATCHES: i64 = 100;

/// The states of the open batches, newest first, then what happens to any; after an id, what has happened since.
#[utoipa::path(
    get,
    path = "/customers/{customer}/queue/events",
    operation_id = "followQueue",
    tag = "queue",
    params(
        ("Last-Event-ID" = Option<String>, Header, pattern = "^([0-9]{1,18}(-[0-9]{1,9})?)?$",
            description = "The id of the last event seen; 0 for all there are."),
        ("lastEventId" = Option<String>, Query, pattern = "^([0-9]{1,18}(-[0-9]{1,9})?)?$",
            description = "The same, where no header can be sent."),
    ),
    responses(
        (status = 200, description = "Events `progress`, `image` and `finished`, without end.", body = inline(super::Event<'_>),
            content_type = "text/event-stream"),
        (status = 400, description = "Last-Event-ID is not the id of an event."),
    ),
)]
pub async fn events(
    request: HttpRequest,
    authorized: Authorized,
    PublicLinks(links): PublicLinks,
    database: Data<Database>,
    events: Data<Events>,
) -> Result<HttpResponse, Problem> {
    let (resumed, customer) = (resumed(&request)?, authorized.customer);
    let mut db = database.get().await?;
    require_customer(&mut db, authorized).await?;
    let shown = if resumed.is_some() { 0 } else { OPEN_BATCHES };
    let begun = step::beginning(&mut db, customer, None, shown).await?;
    drop(db);
    let last = begun.number;
    let (at, mut first) = match resumed {
        Some(at) => (at.min(Position::behind(last)), Text::begin(None)),
        None => (Position::behind(last), Text::begin(Some(last))),
    };
    for batch in &begun.batches {
        first.progress(&links, batch, Utc::now(), None);
    }
    events.metrics.told(first.count);
    let subject = Subject { customer, batch: None, links, credentials: Credentials::of(&request) };
    let follower = Follower::new(subject, events, at, last);
    Ok(answer(&request, first.done(), Some(follower)))
}
