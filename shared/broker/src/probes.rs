//! Questions that are answered at once or not at all. Nothing is kept of them: who gets no answer asks again.

use std::time::Duration;

use dlcs_messages::topology::PROBES;
use dlcs_messages::{Probe, Probed};
use dlcs_service::CancellationToken;
use futures::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel};
use tokio::time::timeout;

use crate::{Broker, BrokerError};

/// The broker's own name for the way back to whoever asks on the same channel.
const REPLY_TO: &str = "amq.rabbitmq.reply-to";
const PAUSE: Duration = Duration::from_millis(200);

impl Broker {
    /// Asks whoever answers probes, and waits for the answer.
    ///
    /// # Errors
    /// If there is no connection, or no answer within `patience`: perhaps nobody is there to give one.
    pub async fn probe(&self, probe: &Probe, patience: Duration) -> Result<Probed, BrokerError> {
        let connection = self.connection()?;
        if connection.status().blocked() {
            return Err(BrokerError::Blocked);
        }
        let answered = async {
            let channel = connection.create_channel().await?;
            let answer = ask(&channel, probe, patience).await;
            // The answer is there; how the channel ends makes no difference to it.
            let _ = channel.close(200, "answered".into()).await;
            answer
        };
        timeout(patience, answered).await.unwrap_or(Err(BrokerError::Timeout))
    }
}

async fn ask(channel: &Channel, probe: &Probe, patience: Duration) -> Result<Probed, BrokerError> {
    // Without acknowledgements, as the way back demands it.
    let listening = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let mut answers = channel.basic_consume(REPLY_TO.into(), "".into(), listening, FieldTable::default()).await?;
    let properties = BasicProperties::default()
        .with_reply_to(REPLY_TO.into())
        .with_expiration(patience.as_millis().to_string().into());
    let options = BasicPublishOptions::default();
    channel.basic_publish("".into(), PROBES.into(), options, &probe.encode(), properties).await?.await?;
    while let Some(delivery) = answers.next().await {
        match Probed::decode(&delivery?.data) {
            Ok(probed) => return Ok(probed),
            Err(error) => tracing::warn!(%error, "an answer was dropped"),
        }
    }
    Err(BrokerError::Down)
}

/// Answers probes with `handler` until `shutdown`, across reconnects, so many at the same time.
pub async fn answer_probes<H, F>(broker: &Broker, together: u16, handler: H, shutdown: CancellationToken)
where
    H: Fn(Probe) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Probed> + Send + 'static,
{
    while !shutdown.is_cancelled() {
        let ended = tokio::select! {
            ended = answer(broker, together, &handler) => ended,
            () = shutdown.cancelled() => return,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "answering probes was interrupted");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn answer<H, F>(broker: &Broker, together: u16, handler: &H) -> Result<(), BrokerError>
where
    H: Fn(Probe) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Probed> + Send + 'static,
{
    let channel = broker.channel().await?;
    // No more than that come before they are acknowledged, which is after the answer.
    channel.basic_qos(together, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let mut probes = channel.basic_consume(PROBES.into(), "".into(), options, FieldTable::default()).await?;
    while let Some(delivery) = probes.next().await {
        tokio::spawn(respond(channel.clone(), delivery?, handler.clone()));
    }
    Ok(())
}

async fn respond<H, F>(channel: Channel, delivery: Delivery, handler: H)
where
    H: Fn(Probe) -> F,
    F: Future<Output = Probed>,
{
    if let Some(back) = delivery.properties.reply_to().clone() {
        match Probe::decode(&delivery.data) {
            Ok(probe) => {
                let (body, options) = (handler(probe).await.encode(), BasicPublishOptions::default());
                let sent = channel.basic_publish("".into(), back, options, &body, BasicProperties::default()).await;
                if let Err(error) = sent {
                    tracing::debug!(%error, "an answer was lost");
                }
            }
            Err(error) => tracing::warn!(%error, "a probe was dropped"),
        }
    }
    if let Err(error) = delivery.acker.ack(BasicAckOptions::default()).await {
        tracing::debug!(%error, "a probe was answered too late");
    }
}
