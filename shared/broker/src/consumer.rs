//! Consuming the hints of a stage: a bounded number of handlers at a time, with reserved slots for the priority lane.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use dlcs_messages::Hint;
use dlcs_messages::topology::queue;
use dlcs_model::{Lane, Stage};
use dlcs_service::CancellationToken;
use futures::{FutureExt, StreamExt};
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Consumer};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::{Broker, BrokerError};

/// How long running handlers may go on after the shutdown; a little less than the process has.
const DRAIN: Duration = Duration::from_secs(28);
const PAUSE: Duration = Duration::from_millis(200);

/// How many hints of a stage are worked on at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots {
    /// For batches.
    pub normal: u16,
    /// For the priority lane alone, so that nobody who waits for an answer stands behind a batch.
    pub priority: u16,
}

impl Slots {
    /// `normal` slots and a fifth of that, at least one, in reserve.
    #[must_use]
    pub fn with_reserve(normal: u16) -> Self {
        Self { normal: normal.max(1), priority: (normal / 5).max(1) }
    }

    fn of(self, lane: Lane) -> u16 {
        match lane {
            Lane::Normal => self.normal,
            Lane::Priority => self.priority,
        }
    }
}

/// What a handler says of its hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Dealt with, or nothing to do: the message goes.
    Done,
    /// Not dealt with: the broker gives it to another worker.
    Release,
}

/// Runs `handler` for each hint of the stage until `shutdown`, across reconnects; returns once all running handlers
/// have ended, or 28 s after the shutdown. A message is acknowledged only after its handler; one that cannot be read is
/// dropped, and one whose handler panics counts as done, because the sweeper owns recovery.
///
/// A hint may be delivered twice at the same time: it is the handler's claim that decides.
pub async fn consume<H, F>(broker: &Broker, stage: Stage, slots: Slots, handler: H, shutdown: CancellationToken)
where
    H: Fn(Hint) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Verdict> + Send + 'static,
{
    let running = TaskTracker::new();
    let lanes = Lane::ALL.iter().map(|lane| {
        let queue = queue(stage, *lane);
        let (slots, running) = (slots.of(*lane), running.clone());
        LaneConsumer { broker: broker.clone(), stage, queue, slots, handler: handler.clone(), running }
            .run(shutdown.clone())
    });
    futures::future::join_all(lanes).await;
    running.close();
    if tokio::time::timeout(DRAIN, running.wait()).await.is_err() {
        tracing::warn!(%stage, running = running.len(), "jobs were left behind at the end");
    }
}

struct LaneConsumer<H> {
    broker: Broker,
    stage: Stage,
    queue: &'static str,
    slots: u16,
    handler: H,
    running: TaskTracker,
}

impl<H, F> LaneConsumer<H>
where
    H: Fn(Hint) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Verdict> + Send + 'static,
{
    async fn run(self, shutdown: CancellationToken) {
        if self.slots == 0 {
            return;
        }
        // Outlives a subscription: after a reconnect, jobs of the last one still hold their slots.
        let free = Arc::new(Semaphore::new(usize::from(self.slots)));
        while !shutdown.is_cancelled() {
            let ended = tokio::select! {
                ended = self.deliver(&free) => ended,
                () = shutdown.cancelled() => return,
            };
            if let Err(error) = ended {
                tracing::debug!(queue = self.queue, %error, "consuming was interrupted");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn deliver(&self, free: &Arc<Semaphore>) -> Result<(), BrokerError> {
        let (channel, mut consumer) = subscribe(&self.broker, self.queue, self.slots).await?;
        tracing::info!(queue = self.queue, slots = self.slots, "consuming");
        loop {
            let Ok(slot) = free.clone().acquire_owned().await else { return Ok(()) };
            let Some(delivery) = consumer.next().await.transpose()? else { return Ok(()) };
            let work = self.handle(delivery);
            // The channel lives as long as a delivery that has yet to be acknowledged on it.
            let channel = channel.clone();
            self.running.spawn(async move {
                work.await;
                drop((slot, channel));
            });
        }
    }

    fn handle(&self, delivery: Delivery) -> impl Future<Output = ()> + Send + use<H, F> {
        let handler = self.handler.clone();
        let (queue, stage) = (self.queue, self.stage);
        let delivered = self.broker.metrics().delivered.clone();
        async move {
            let (verdict, outcome) = match Hint::decode(&delivery.data) {
                Ok(hint) if hint.stage == stage => {
                    match AssertUnwindSafe(async { handler(hint).await }).catch_unwind().await {
                        Ok(Verdict::Done) => (Verdict::Done, "done"),
                        Ok(Verdict::Release) => (Verdict::Release, "released"),
                        Err(_) => {
                            tracing::error!(queue, batch = %hint.batch, ordinal = hint.ordinal, "a handler panicked");
                            (Verdict::Done, "panicked")
                        }
                    }
                }
                Ok(hint) => {
                    tracing::warn!(queue, stage = %hint.stage, "a hint came to the wrong queue and was dropped");
                    (Verdict::Done, "unreadable")
                }
                Err(error) => {
                    tracing::warn!(queue, %error, "a message was dropped");
                    (Verdict::Done, "unreadable")
                }
            };
            delivered.with_label_values(&[queue, outcome]).inc();
            let answered = match verdict {
                Verdict::Done => delivery.acker.ack(BasicAckOptions::default()).await,
                Verdict::Release => {
                    delivery.acker.nack(BasicNackOptions { requeue: true, ..BasicNackOptions::default() }).await
                }
            };
            if let Err(error) = answered {
                tracing::debug!(queue, %error, "the answer was lost; the hint will come again");
            }
        }
    }
}

async fn subscribe(broker: &Broker, queue: &str, slots: u16) -> Result<(Channel, Consumer), BrokerError> {
    let channel = broker.channel().await?;
    channel.basic_qos(slots, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let consumer = channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await?;
    Ok((channel, consumer))
}
