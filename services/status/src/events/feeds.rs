//! One poller for all open streams of this process, and what it found for each customer that someone follows.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use actix_web::web::Bytes;
use dlcs_api::Links;
use dlcs_db::step::{self, Position, Step};
use dlcs_db::{Database, DbError};
use dlcs_model::{BatchId, CustomerId};
use dlcs_service::{Backoff, CancellationToken, pause};
use tokio::sync::{Notify, Semaphore, broadcast};

use super::message::{Count, Text};

const INTERVAL: Duration = Duration::from_millis(250);
/// Slices of steps that are kept for streams that are behind; further back they read by themselves.
const BACKLOG: usize = 32;
/// Streams that read by themselves at the same time; they must not keep the poller from its connection.
const READERS: usize = 4;

/// A slice of a step, as all streams of its customer get it.
pub struct News {
    /// What happened.
    pub step: Step,
    text: OnceLock<(Links, Bytes, Count)>,
}

impl News {
    /// Its whole text. Nearly all streams have the same public root, so it is made once.
    pub fn text(&self, links: &Links) -> (Bytes, Count) {
        let make = || {
            let mut text = Text::default();
            text.step(links, &self.step, self.step.first);
            let count = text.count;
            (links.clone(), text.done(), count)
        };
        let (of, text, count) = self.text.get_or_init(make);
        if of == links {
            return (text.clone(), *count);
        }
        let (_, text, count) = make();
        (text, count)
    }
}

struct Feed {
    /// Up to where it has told.
    at: Position,
    sender: broadcast::Sender<Arc<News>>,
}

/// What is followed.
pub struct Feeds {
    database: Database,
    feeds: Mutex<HashMap<CustomerId, Feed>>,
    wanted: Notify,
    readers: Semaphore,
}

impl Feeds {
    /// Nobody follows anything yet.
    pub fn new(database: Database) -> Self {
        Self { database, feeds: Mutex::default(), wanted: Notify::new(), readers: Semaphore::new(READERS) }
    }

    fn feeds(&self) -> MutexGuard<'_, HashMap<CustomerId, Feed>> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Follows a customer, from `at` on if nobody else does so already. What the feed tells from now on is received.
    pub fn follow(&self, customer: CustomerId, at: Position) -> broadcast::Receiver<Arc<News>> {
        let receiver = {
            let mut feeds = self.feeds();
            let new = || Feed { at, sender: broadcast::channel(BACKLOG).0 };
            feeds.entry(customer).or_insert_with(new).sender.subscribe()
        };
        self.wanted.notify_one();
        receiver
    }

    /// Up to where a customer's feed has told; all before that can be read.
    pub fn at(&self, customer: CustomerId) -> Option<Position> {
        self.feeds().get(&customer).map(|feed| feed.at)
    }

    /// What a stream missed.
    pub async fn missed(
        &self,
        customer: CustomerId,
        batch: Option<BatchId>,
        from: Position,
    ) -> Result<Vec<Step>, DbError> {
        let _turn = self.readers.acquire().await;
        let mut db = self.database.get().await?;
        match batch {
            Some(batch) => step::next_of(&mut db, batch, from).await,
            None => step::next(&mut db, &[(customer, from)]).await,
        }
    }

    /// Tells what is new until the service is told to stop.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut backoff = Backoff::new();
        loop {
            let wait = match self.round().await {
                Ok(Round::Unwanted) => {
                    if shutdown.run_until_cancelled(self.wanted.notified()).await.is_none() {
                        return;
                    }
                    Duration::ZERO
                }
                Ok(Round::Told(news)) => {
                    backoff.reset();
                    if news { Duration::ZERO } else { INTERVAL }
                }
                Err(error) => {
                    tracing::warn!(%error, "no news for streams");
                    backoff.failed()
                }
            };
            if !pause(wait, &shutdown).await {
                return;
            }
        }
    }

    async fn round(&self) -> Result<Round, DbError> {
        let from: Vec<_> = {
            let mut feeds = self.feeds();
            feeds.retain(|_, feed| feed.sender.receiver_count() > 0);
            feeds.iter().map(|(customer, feed)| (*customer, feed.at)).collect()
        };
        if from.is_empty() {
            return Ok(Round::Unwanted);
        }
        let steps = step::next(&mut *self.database.get().await?, &from).await?;
        let any = !steps.is_empty();
        let mut feeds = self.feeds();
        for step in steps {
            let feed = feeds.get_mut(&step.batch.customer).filter(|feed| feed.at <= step.start());
            if let Some(feed) = feed {
                feed.at = step.end();
                // Everyone may have gone.
                let _ = feed.sender.send(Arc::new(News { step, text: OnceLock::new() }));
            }
        }
        Ok(Round::Told(any))
    }
}

enum Round {
    /// Nobody follows anything.
    Unwanted,
    /// Whether there was anything to tell.
    Told(bool),
}
