//! Telling those who wait for an image that its registration has ended.

use std::sync::Arc;

use dlcs_broker::{Broker, Heard};
use dlcs_messages::Event;
use dlcs_model::ImageKey;
use dlcs_service::CancellationToken;
use futures::StreamExt;
use tokio::sync::broadcast;

use crate::Gateway;

/// Endings that a slow listener may be behind; more count as a gap.
const BACKLOG: usize = 1024;

/// What has just finished anywhere, as far as the broker tells.
pub struct Finished(broadcast::Sender<Option<Arc<ImageKey>>>);

/// One who waits. What happens after its making is heard.
pub struct Listener(broadcast::Receiver<Option<Arc<ImageKey>>>);

impl Default for Finished {
    fn default() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }
}

impl Finished {
    /// Begins to listen.
    pub fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }
}

impl Listener {
    /// Ends when a registration of `image` has ended, or may have.
    pub async fn heard(&mut self, image: &ImageKey) {
        loop {
            match self.0.recv().await {
                Ok(Some(finished)) if *finished != *image => {}
                Ok(Some(_) | None) | Err(broadcast::error::RecvError::Lagged(_)) => return,
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

/// Passes on what the broker tells, until the service is told to stop.
pub async fn run(gateway: Arc<Gateway>, broker: Broker, shutdown: CancellationToken) {
    let finished = "image.finished";
    let mut events = broker.subscribe_events(&[finished]);
    while let Some(Some(heard)) = shutdown.run_until_cancelled(events.next()).await {
        let image = match heard {
            Heard::Gap => None,
            Heard::Event(Event::ImageFinished { image, .. }) => Some(Arc::new(image)),
            Heard::Event(Event::ImageChanged { .. } | Event::BatchFinished { .. }) => continue,
        };
        // No one may be waiting.
        let _ = gateway.finished.0.send(image);
    }
}
