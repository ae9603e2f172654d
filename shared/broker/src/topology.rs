//! Declares what the names in `dlcs_messages::topology` stand for. Nothing here needs more than RabbitMQ 3.10.

use dlcs_messages::topology::{DEAD_LETTER_EXCHANGE, DEAD_LETTER_QUEUE, EVENTS_EXCHANGE, PROBES, queue};
use dlcs_model::{Lane, Stage};
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, ExchangeKind};

/// Deliveries of one message before the broker sets it aside. Nothing is decided from it: what an item has been
/// through is counted in the database.
const DELIVERY_LIMIT: i64 = 20;

/// A fuse, far above what the dispatcher ever releases: a queue that reaches it refuses, and the sweeper takes over.
const MAX_LENGTH: i64 = 20_000;

/// Messages kept of what the broker gave up on; enough to look at.
const DEAD_LETTERS: i64 = 1_000;

/// Probes waiting for somebody to answer them; the oldest go first.
const PROBES_LENGTH: i64 = 1_000;

pub(crate) async fn declare(channel: &Channel) -> lapin::Result<()> {
    exchange(channel, EVENTS_EXCHANGE, ExchangeKind::Topic).await?;
    exchange(channel, DEAD_LETTER_EXCHANGE, ExchangeKind::Fanout).await?;
    durable(channel, DEAD_LETTER_QUEUE, &[("x-max-length", DEAD_LETTERS.into())]).await?;
    channel
        .queue_bind(
            DEAD_LETTER_QUEUE.into(),
            DEAD_LETTER_EXCHANGE.into(),
            "".into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await?;
    // Whoever asks waits for seconds: nothing in it is worth a copy on other nodes.
    queue_of(channel, PROBES, &[("x-queue-type", text("classic")), ("x-max-length", PROBES_LENGTH.into())]).await?;
    let arguments = [
        ("x-delivery-limit", DELIVERY_LIMIT.into()),
        ("x-max-length", MAX_LENGTH.into()),
        ("x-overflow", text("reject-publish")),
        ("x-dead-letter-exchange", text(DEAD_LETTER_EXCHANGE)),
    ];
    for stage in Stage::ALL {
        for lane in Lane::ALL {
            durable(channel, queue(*stage, *lane), &arguments).await?;
        }
    }
    Ok(())
}

async fn exchange(channel: &Channel, name: &str, kind: ExchangeKind) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(name.into(), kind, options, FieldTable::default()).await
}

async fn durable(channel: &Channel, name: &str, arguments: &[(&str, AMQPValue)]) -> lapin::Result<()> {
    queue_of(channel, name, &[arguments, &[("x-queue-type", text("quorum"))]].concat()).await
}

async fn queue_of(channel: &Channel, name: &str, arguments: &[(&str, AMQPValue)]) -> lapin::Result<()> {
    let mut table = FieldTable::default();
    for (key, value) in arguments {
        table.insert((*key).into(), value.clone());
    }
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(name.into(), options, table).await.map(drop)
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
