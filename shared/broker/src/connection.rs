//! The one connection of a process: made again for ever, with the topology declared each time.

use std::sync::Arc;
use std::time::Duration;

use dlcs_service::Context;
use futures::StreamExt;
use lapin::{Channel, Connection, ConnectionProperties};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::metrics::Metrics;
use crate::settings::{AmqpUrl, BrokerSettings};
use crate::topology;

/// How long connecting and declaring may take before it is tried again.
const CONNECT: Duration = Duration::from_secs(15);
/// The first and the longest pause between tries.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How often a connection is looked at, in case its end was not announced.
const WATCH: Duration = Duration::from_secs(1);

/// Why the broker did not do what was asked. It is never worth more than leaving the matter to the sweeper.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// There is no connection at the moment.
    #[error("no connection to the broker")]
    Down,
    /// The broker has told its publishers to pause (memory or disk alarm).
    #[error("the broker accepts no messages at the moment")]
    Blocked,
    /// No answer in time.
    #[error("the broker did not answer in time")]
    Timeout,
    /// Anything the protocol reports.
    #[error(transparent)]
    Protocol(#[from] lapin::Error),
}

/// A handle on the process's connection; cheap to clone. The connection ends with the last handle.
#[derive(Clone)]
pub struct Broker {
    link: watch::Receiver<Option<Arc<Connection>>>,
    metrics: Arc<Metrics>,
}

impl Broker {
    /// Begins to connect and returns at once: a service starts, and goes on, without a broker.
    ///
    /// # Errors
    /// If the registry already holds a broker's metrics.
    pub fn start(settings: &BrokerSettings, context: &Context) -> anyhow::Result<Self> {
        let metrics = Arc::new(Metrics::register(context)?);
        let (sender, link) = watch::channel(None);
        tokio::spawn(keep_connected(settings.url.clone(), context.name, sender, metrics.clone()));
        Ok(Self { link, metrics })
    }

    /// Whether there is a connection now.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.connection().is_ok()
    }

    /// Waits until there is a connection.
    pub async fn connected(&self) {
        self.wait().await;
    }

    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The connection, if there is one.
    pub(crate) fn connection(&self) -> Result<Arc<Connection>, BrokerError> {
        self.link.borrow().clone().filter(|connection| connection.status().connected()).ok_or(BrokerError::Down)
    }

    /// The connection, as soon as there is one.
    pub(crate) async fn wait(&self) -> Arc<Connection> {
        let mut link = self.link.clone();
        loop {
            if let Ok(connection) = self.connection() {
                return connection;
            }
            if timeout(WATCH, link.changed()).await.is_ok_and(|changed| changed.is_err()) {
                // The keeper only ends when the runtime does.
                std::future::pending::<()>().await;
            }
        }
    }

    /// A new channel, as soon as there is a connection to open it on.
    pub(crate) async fn channel(&self) -> Result<Channel, BrokerError> {
        Ok(self.wait().await.create_channel().await?)
    }
}

async fn keep_connected(
    url: AmqpUrl,
    service: &'static str,
    sender: watch::Sender<Option<Arc<Connection>>>,
    metrics: Arc<Metrics>,
) {
    let mut pause = BACKOFF.0;
    loop {
        let connected = tokio::select! {
            connected = timeout(CONNECT, connect(&url, service)) => connected.unwrap_or(Err(BrokerError::Timeout)),
            () = sender.closed() => return,
        };
        match connected {
            Ok(connection) => {
                tracing::info!(%url, "broker connected");
                pause = BACKOFF.0;
                metrics.connections.inc();
                metrics.connected.set(1);
                let ended = hold(Arc::new(connection), &sender).await;
                metrics.connected.set(0);
                let Some(reason) = ended else { return };
                tracing::warn!(%url, reason, "broker connection lost");
            }
            Err(error) => tracing::warn!(%url, %error, "broker cannot be reached"),
        }
        tokio::select! {
            () = sleep(pause.mul_f64(rand::random_range(0.5..1.0))) => {}
            () = sender.closed() => return,
        }
        pause = (pause * 2).min(BACKOFF.1);
    }
}

async fn connect(url: &AmqpUrl, service: &'static str) -> Result<Connection, BrokerError> {
    let name = format!("dlcs {service} {}", std::process::id());
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let connection = Connection::connect_uri(url.uri(), properties).await?;
    topology::declare(&connection.create_channel().await?).await?;
    Ok(connection)
}

/// Shares the connection until it ends; the answer is why, or nothing if nobody needs it any more.
async fn hold(connection: Arc<Connection>, sender: &watch::Sender<Option<Arc<Connection>>>) -> Option<String> {
    let mut events = std::pin::pin!(connection.events_listener());
    sender.send_replace(Some(connection.clone()));
    let reason = loop {
        tokio::select! {
            () = sender.closed() => break None,
            event = events.next() => match event {
                Some(lapin::Event::ConnectionBlocked(reason)) => tracing::warn!(reason, "broker accepts no messages"),
                Some(lapin::Event::ConnectionUnblocked) => tracing::info!("broker accepts messages again"),
                Some(lapin::Event::Error(error)) if !connection.status().connected() => break Some(error.to_string()),
                Some(_) => {}
                None => break Some("closed".to_owned()),
            },
            () = sleep(WATCH) => if !connection.status().connected() {
                break Some("closed".to_owned());
            },
        }
    };
    sender.send_replace(None);
    reason
}
