//! Publishing: hints with confirms, events without.

use std::sync::Arc;
use std::time::Duration;

use dlcs_messages::topology::{EVENTS_EXCHANGE, queue};
use dlcs_messages::{Event, Hint};
use dlcs_model::Lane;
use futures::future::join_all;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, PublisherConfirm};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::timeout;

use crate::{Broker, BrokerError};

/// Unconfirmed hints that one process may have on the way.
const IN_FLIGHT: usize = 500;
/// How long the broker may take to confirm; what is not confirmed by then counts as not published.
const CONFIRM: Duration = Duration::from_secs(5);
const PERSISTENT: u8 = 2;

/// Publishes on the process's connection; cheap to clone.
#[derive(Clone)]
pub struct Publisher {
    broker: Broker,
    shared: Arc<Shared>,
}

struct Shared {
    /// With confirms, for hints.
    hints: Mutex<Option<Channel>>,
    /// Without, for events.
    events: Mutex<Option<Channel>>,
    in_flight: Semaphore,
}

impl Publisher {
    /// A publisher on this connection.
    #[must_use]
    pub fn new(broker: &Broker) -> Self {
        let shared = Shared { hints: Mutex::default(), events: Mutex::default(), in_flight: Semaphore::new(IN_FLIGHT) };
        Self { broker: broker.clone(), shared: Arc::new(shared) }
    }

    /// Publishes hints: persistent, to their stage's queue of the lane. One answer per hint, in order: `true` once the
    /// broker has stored it in a queue. A hint with `false` may still arrive, which harms nothing.
    ///
    /// # Errors
    /// At once and without publishing any, if there is no connection or the broker has paused its publishers: leave
    /// the hints to the sweeper.
    pub async fn publish_hints(&self, hints: &[(Lane, Hint)]) -> Result<Vec<bool>, BrokerError> {
        let mut stored = Vec::with_capacity(hints.len());
        for chunk in hints.chunks(IN_FLIGHT) {
            match self.publish_chunk(chunk).await {
                Ok(confirmed) => stored.extend(confirmed),
                Err(error) if stored.is_empty() => {
                    self.count("hint", "unsent", hints.len());
                    return Err(error);
                }
                Err(_) => break,
            }
        }
        stored.resize(hints.len(), false);
        let good = stored.iter().filter(|stored| **stored).count();
        self.count("hint", "stored", good);
        self.count("hint", "unconfirmed", hints.len() - good);
        Ok(stored)
    }

    /// Publishes an event to whoever listens. Nothing is confirmed: listeners must bear gaps.
    ///
    /// # Errors
    /// If there is no connection, or the broker does not take it now. Log it at most.
    pub async fn publish_event(&self, event: &Event) -> Result<(), BrokerError> {
        let sent = async {
            let channel = self.channel(&self.shared.events, false).await?;
            let (exchange, key) = (EVENTS_EXCHANGE.into(), event.routing_key().into());
            let (options, body) = (BasicPublishOptions::default(), event.encode());
            channel.basic_publish(exchange, key, options, &body, BasicProperties::default()).await?.await?;
            Ok(())
        };
        let result = timeout(CONFIRM, sent).await.unwrap_or(Err(BrokerError::Timeout));
        self.count("event", if result.is_ok() { "sent" } else { "unsent" }, 1);
        result
    }

    async fn publish_chunk(&self, hints: &[(Lane, Hint)]) -> Result<Vec<bool>, BrokerError> {
        let wanted = u32::try_from(hints.len()).unwrap_or(u32::MAX);
        let permits = timeout(CONFIRM, self.shared.in_flight.acquire_many(wanted));
        let Ok(Ok(_permits)) = permits.await else { return Err(BrokerError::Timeout) };
        let channel = self.channel(&self.shared.hints, true).await?;
        let mut confirms = Vec::with_capacity(hints.len());
        let deadline = tokio::time::Instant::now() + CONFIRM;
        let all = async {
            for (lane, hint) in hints {
                confirms.push(publish(&channel, *lane, hint).await?);
            }
            Ok::<_, BrokerError>(join_all(confirms.drain(..)).await)
        };
        match tokio::time::timeout_at(deadline, all).await {
            Ok(Ok(confirmed)) => Ok(confirmed.into_iter().map(is_stored).collect()),
            Ok(Err(error)) => Err(error),
            Err(_) => {
                // What is still unconfirmed must not pile up in a channel that nobody answers.
                self.shared.hints.lock().await.take();
                Err(BrokerError::Timeout)
            }
        }
    }

    /// The kept channel, or a new one if it has ended.
    async fn channel(&self, kept: &Mutex<Option<Channel>>, confirms: bool) -> Result<Channel, BrokerError> {
        let connection = self.broker.connection()?;
        if connection.status().blocked() {
            return Err(BrokerError::Blocked);
        }
        let mut kept = kept.lock().await;
        if let Some(channel) = kept.as_ref().filter(|channel| channel.status().connected()) {
            return Ok(channel.clone());
        }
        let opened = async {
            let channel = connection.create_channel().await?;
            if confirms {
                channel.confirm_select(ConfirmSelectOptions::default()).await?;
            }
            Ok(channel)
        };
        let channel = timeout(CONFIRM, opened).await.unwrap_or(Err(BrokerError::Timeout))?;
        *kept = Some(channel.clone());
        Ok(channel)
    }

    fn count(&self, kind: &str, outcome: &str, messages: usize) {
        self.broker.metrics().published.with_label_values(&[kind, outcome]).inc_by(messages as u64);
    }
}

async fn publish(channel: &Channel, lane: Lane, hint: &Hint) -> lapin::Result<PublisherConfirm> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default().with_delivery_mode(PERSISTENT);
    channel.basic_publish("".into(), queue(hint.stage, lane).into(), options, &hint.encode(), properties).await
}

/// An acknowledged message that came back was routed nowhere.
fn is_stored(confirmed: lapin::Result<Confirmation>) -> bool {
    match confirmed {
        Ok(Confirmation::Ack(None)) => true,
        Ok(Confirmation::Ack(Some(_)) | Confirmation::Nack(_) | Confirmation::NotRequested) | Err(_) => false,
    }
}
