//! One open stream.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Bytes, Data};
use dlcs_api::Links;
use dlcs_db::step::{Position, Step};
use dlcs_http::Credentials;
use dlcs_model::{BatchId, CustomerId};
use futures::{Stream, stream};
use prometheus::IntGauge;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{Interval, MissedTickBehavior, interval_at};

use super::Events;
use super::feeds::News;
use super::message::{Count, HEARTBEAT, Text};

/// How long a stream waits for a database that does not answer.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a stream follows, for whom.
pub struct Subject {
    /// The customer.
    pub customer: CustomerId,
    /// One batch of it, or all.
    pub batch: Option<BatchId>,
    /// What URLs stand on.
    pub links: Links,
    /// What the stream was opened with, to be looked at again and again.
    pub credentials: Option<Credentials>,
}

/// A stream and where it has come to. It makes text only when the connection takes some, so a slow reader costs one
/// piece of text and its place.
pub struct Follower {
    subject: Subject,
    events: Data<Events>,
    /// Everything before this was told, or is not this stream's business.
    at: Position,
    live: broadcast::Receiver<Arc<News>>,
    /// Whether something was missed that has to be read first.
    behind: bool,
    over: bool,
    heartbeat: Interval,
    _open: Open,
}

/// Counts an open stream for as long as it lives.
struct Open(IntGauge);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.dec();
    }
}

enum Happened {
    Stop,
    Beat,
    Heard(Result<Arc<News>, RecvError>),
}

impl Follower {
    /// Follows from `at` on; `last` is the customer's last step as far as anyone knows.
    pub fn new(subject: Subject, events: Data<Events>, at: Position, last: i64) -> Self {
        let live = events.feeds.follow(subject.customer, Position::behind(last));
        let behind = events.feeds.at(subject.customer).is_none_or(|told| at < told);
        let open = events.metrics.open(subject.batch.is_some());
        open.inc();
        let mut heartbeat = interval_at(tokio::time::Instant::now() + events.heartbeat, events.heartbeat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { subject, events, at, live, behind, over: false, heartbeat, _open: Open(open) }
    }

    /// The stream, after `first`.
    pub fn into_stream(self, first: Bytes) -> impl Stream<Item = Result<Bytes, Infallible>> {
        stream::unfold((Some(first), self), async |(first, mut follower)| {
            let text = match first {
                Some(first) => first,
                None => follower.next().await?,
            };
            Some((Ok(text), (None, follower)))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        while !self.over {
            let text = if self.behind { self.catch_up().await } else { self.listen().await };
            if !text.is_empty() {
                return Some(text);
            }
        }
        None
    }

    async fn listen(&mut self) -> Bytes {
        let happened = tokio::select! {
            () = self.events.shutdown.cancelled() => Happened::Stop,
            _ = self.heartbeat.tick() => Happened::Beat,
            news = self.live.recv() => Happened::Heard(news),
        };
        match happened {
            Happened::Heard(Ok(news)) => return self.take(&news),
            Happened::Heard(Err(RecvError::Lagged(_))) => self.behind = true,
            Happened::Stop | Happened::Heard(Err(RecvError::Closed)) => self.over = true,
            Happened::Beat => return self.beat().await,
        }
        Bytes::new()
    }

    /// A sign of life; the end, if the caller may not listen any longer.
    async fn beat(&mut self) -> Bytes {
        if let Some(credentials) = &self.subject.credentials {
            self.over = !self.events.authenticator.still_accepts(credentials).await;
        }
        HEARTBEAT
    }

    /// Tells what the feed found, as far as it was not told yet.
    fn take(&mut self, news: &News) -> Bytes {
        let step = &news.step;
        if step.end() <= self.at {
            return Bytes::new();
        }
        if step.start() > self.at {
            self.behind = true;
            return Bytes::new();
        }
        let (text, count) = if self.subject.batch.is_some_and(|batch| batch != step.batch.id) {
            (Bytes::new(), Count::default())
        } else if step.start() == self.at {
            news.text(&self.subject.links)
        } else {
            let mut text = Text::default();
            text.step(&self.subject.links, step, self.at.told);
            let count = text.count;
            (text.done(), count)
        };
        self.pass(step, count);
        text
    }

    /// Reads what was missed.
    async fn catch_up(&mut self) -> Bytes {
        let Subject { customer, batch, .. } = self.subject;
        // What the feed told before the reading begins is found by it.
        let told = self.events.feeds.at(customer).unwrap_or(self.at);
        let missed = tokio::select! {
            () = self.events.shutdown.cancelled() => {
                self.over = true;
                return Bytes::new();
            }
            missed = self.events.feeds.missed(customer, batch, self.at) => missed,
        };
        let steps = match missed {
            Ok(steps) => steps,
            Err(error) => {
                tracing::debug!(%error, "a stream waits for the database");
                tokio::time::sleep(PATIENCE).await;
                return HEARTBEAT;
            }
        };
        if steps.is_empty() {
            self.at = self.at.max(told);
            self.behind = false;
        }
        let mut text = Text::default();
        for step in &steps {
            let before = text.count;
            text.step(&self.subject.links, step, if step.number == self.at.number { self.at.told } else { 0 });
            self.pass(step, text.count.since(before));
        }
        text.done()
    }

    /// Notes that a step was told.
    fn pass(&mut self, step: &Step, count: Count) {
        self.at = step.end();
        self.over |= self.subject.batch == Some(step.batch.id) && step.is_whole() && step.batch.finished.is_some();
        self.events.metrics.told(count);
    }
}
