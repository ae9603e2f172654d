//! Listening to events over a queue of one's own that lives as long as the connection.

use std::time::Duration;

use dlcs_messages::Event;
use dlcs_messages::topology::EVENTS_EXCHANGE;
use futures::{Stream, StreamExt};
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Consumer};
use tokio::sync::mpsc;

use crate::{Broker, BrokerError};

/// Events waiting in this process; more wait in the broker.
const BUFFER: u16 = 256;
/// Events waiting in the broker for one listener; the oldest go first.
const QUEUE_LENGTH: i64 = 10_000;
const PAUSE: Duration = Duration::from_millis(200);

/// What a listener is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Listening begins, or begins again: anything may have happened before. Always the first thing heard.
    Gap,
    /// This has happened.
    Event(Event),
}

impl Broker {
    /// Listens to the events with these routing keys ([`Event::routing_key`], or patterns such as `image.*`), across
    /// reconnects, until the stream is dropped.
    pub fn subscribe_events(&self, routing_keys: &[&'static str]) -> impl Stream<Item = Heard> + Send + Unpin + use<> {
        let (sender, mut receiver) = mpsc::channel(usize::from(BUFFER));
        tokio::spawn(listen(self.clone(), routing_keys.to_vec(), sender));
        futures::stream::poll_fn(move |context| receiver.poll_recv(context))
    }
}

async fn listen(broker: Broker, routing_keys: Vec<&'static str>, sender: mpsc::Sender<Heard>) {
    while !sender.is_closed() {
        let ended = tokio::select! {
            ended = forward(&broker, &routing_keys, &sender) => ended,
            () = sender.closed() => return,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "listening to events was interrupted");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn forward(
    broker: &Broker,
    routing_keys: &[&'static str],
    sender: &mpsc::Sender<Heard>,
) -> Result<(), BrokerError> {
    let channel = broker.channel().await?;
    let mut consumer = subscribe(&channel, routing_keys).await?;
    if sender.send(Heard::Gap).await.is_err() {
        return Ok(());
    }
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery?;
        match Event::decode(&delivery.data) {
            Ok(event) => {
                broker.metrics().heard.inc();
                if sender.send(Heard::Event(event)).await.is_err() {
                    return Ok(());
                }
            }
            Err(error) => tracing::warn!(%error, "an event was dropped"),
        }
        delivery.acker.ack(BasicAckOptions::default()).await?;
    }
    Ok(())
}

async fn subscribe(channel: &Channel, routing_keys: &[&'static str]) -> lapin::Result<Consumer> {
    let own = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(QUEUE_LENGTH));
    let queue = channel.queue_declare("".into(), own, arguments).await?;
    for key in routing_keys {
        let (exchange, key) = (EVENTS_EXCHANGE.into(), (*key).into());
        let options = QueueBindOptions::default();
        channel.queue_bind(queue.name().clone(), exchange, key, options, FieldTable::default()).await?;
    }
    channel.basic_qos(BUFFER, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions { exclusive: true, ..BasicConsumeOptions::default() };
    channel.basic_consume(queue.name().clone(), "".into(), options, FieldTable::default()).await
}
