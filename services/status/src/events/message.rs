//! The text of events, and their ids.
//!
//! An id is the number of a step, or of a step and how much of it was told: `17` is behind all of step 17, `17-3` behind
//! three events of it.

use std::fmt::{self, Display, Formatter, Write as _};

use actix_web::web::Bytes;
use chrono::{DateTime, Utc};
use dlcs_api::batch::MemberState;
use dlcs_api::{ImageEnded, Links, Resource};
use dlcs_db::batch::Batch;
use dlcs_db::step::{Ended, Position, Step};
use dlcs_http::view;
use dlcs_model::ImageKey;
use serde::Serialize;

/// Milliseconds after which a client connects again.
const RETRY: u32 = 2000;

/// A line that says nothing but that the stream is alive.
pub const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");

/// How many events of each kind a text holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Images that ended.
    pub image: u64,
    /// States of batches.
    pub progress: u64,
    /// Ends of batches.
    pub finished: u64,
}

impl Count {
    /// What was added to `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            image: self.image - before.image,
            progress: self.progress - before.progress,
            finished: self.finished - before.finished,
        }
    }
}

/// Reads an id; `0` stands before everything.
pub fn parse_id(text: &str) -> Option<Position> {
    if !text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        return None;
    }
    let (step, told) = text.split_once('-').map_or((text, None), |(step, told)| (step, Some(told)));
    let step: i64 = step.parse().ok().filter(|step| (0..i64::MAX).contains(step))?;
    Some(match told {
        None => Position::behind(step),
        Some(told) => Position { number: step, told: told.parse().ok().filter(|told| *told >= 0)? },
    })
}

/// One event of a stream, as a reader of server-sent events hands it out.
#[derive(Debug, utoipa::ToSchema)]
pub struct Event<'a> {
    /// `progress` of a batch, an `image` that ended, or that a batch has `finished`.
    event: &'a str,
    /// What to send as `Last-Event-ID` to go on from here; a state that is told at the begin has none of its own.
    #[schema(nullable = false)]
    id: Option<&'a str>,
    /// JSON: the batch, or of the image its `@id`, `batch`, `state` and what went wrong.
    data: String,
}

impl Display for Event<'_> {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        let Self { event, id, data } = self;
        writeln!(formatter, "event: {event}")?;
        if let Some(id) = id {
            writeln!(formatter, "id: {id}")?;
        }
        write!(formatter, "data: {data}\n\n")
    }
}

/// Text of events in the making.
#[derive(Debug, Default)]
pub struct Text {
    text: String,
    /// What it holds.
    pub count: Count,
}

impl Text {
    /// The begin of every stream; from `id` on the client can resume.
    pub fn begin(id: Option<i64>) -> Self {
        let id = id.map_or_else(String::new, |id| format!("id: {id}\n"));
        Self { text: format!("retry: {RETRY}\n{id}\n"), count: Count::default() }
    }

    fn event(&mut self, name: &str, id: Option<&str>, data: &impl Serialize) {
        let data = serde_json::to_string(data).unwrap_or_default();
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{}", Event { event: name, id, data });
    }

    /// How a batch stands.
    pub fn progress(&mut self, links: &Links, batch: &Batch, now: DateTime<Utc>, id: Option<&str>) {
        self.count.progress += 1;
        self.event("progress", id, &resource(links, batch, now));
    }

    /// That a batch has finished.
    pub fn finished(&mut self, links: &Links, batch: &Batch, now: DateTime<Utc>, id: &str) {
        self.count.finished += 1;
        self.event("finished", Some(id), &resource(links, batch, now));
    }

    /// What a step has to tell beyond its first `told` events.
    pub fn step(&mut self, links: &Links, step: &Step, told: i32) {
        let Step { number, batch, first, ended, size } = step;
        for (index, item) in (first + 1..).zip(ended).filter(|(index, _)| *index > told) {
            self.count.image += 1;
            self.event("image", Some(&format!("{number}-{index}")), &image(links, batch, item));
        }
        if !step.is_whole() {
            return;
        }
        let (now, last) = (batch.paced.unwrap_or(batch.submitted), number.to_string());
        let before_last = format!("{number}-{}", size + 1);
        if told <= *size {
            let id = if batch.finished.is_some() { &before_last } else { &last };
            self.progress(links, batch, now, Some(id));
        }
        if batch.finished.is_some() {
            self.finished(links, batch, now, &last);
        }
    }

    /// The text.
    pub fn done(self) -> Bytes {
        self.text.into()
    }
}

fn resource(links: &Links, batch: &Batch, now: DateTime<Utc>) -> Resource<dlcs_api::Batch> {
    Resource::member(links.batch(batch.customer, batch.id), view::batch(links, batch.clone(), now))
}

fn image(links: &Links, batch: &Batch, item: &Ended) -> Resource<ImageEnded> {
    let key = ImageKey { customer: batch.customer, space: item.space, id: item.image.clone() };
    let error_code = item.failure_code();
    let body = ImageEnded {
        id: item.image.clone(),
        space: item.space,
        batch: links.batch(batch.customer, batch.id),
        state: if error_code.is_some() { MemberState::Error } else { MemberState::Ready },
        error_code,
        error: item.error.clone(),
    };
    Resource::member(links.image(&key), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_back_and_nothing_else_is() {
        assert_eq!(parse_id("17"), Some(Position { number: 18, told: 0 }));
        assert_eq!(parse_id("17-3"), Some(Position { number: 17, told: 3 }));
        assert_eq!(parse_id("0"), Some(Position { number: 1, told: 0 }));
        for bad in
            ["", "x", "-1", "1-", "1-x", "1-2-3", "+1", "9223372036854775807", "99999999999999999999", "1-9999999999"]
        {
            assert_eq!(parse_id(bad), None, "{bad}");
        }
    }
}
