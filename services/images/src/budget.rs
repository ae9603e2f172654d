//! How much may be composed at once: memory first, then a processor, each waited for only so long.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use dlcs_imaging::render::{Composition, RenderError, Renderer};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::DeliverySettings;
use crate::metrics::{Counted, RenderMetrics};
use crate::refusal::Refusal;
use crate::renderers::Renderers;

/// Memory is counted in pieces of this many bytes.
const PIECE: u64 = 64 * 1024;

/// Memory and processors for composing.
pub(crate) struct Budget {
    memory: Arc<Semaphore>,
    pieces: u32,
    processors: Arc<Semaphore>,
    wait: Duration,
    renderers: Renderers,
    metrics: RenderMetrics,
}

/// Says when it is dropped, which happens when nobody waits any more.
struct Presence(Arc<AtomicBool>);

impl Drop for Presence {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Budget {
    pub fn new(settings: &DeliverySettings, metrics: RenderMetrics) -> std::io::Result<Self> {
        let pieces = u32::try_from(u64::from(settings.decode_mb) * 1024 * 1024 / PIECE).unwrap_or(u32::MAX);
        let processors = match settings.renderers {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            n => n,
        };
        Ok(Self {
            memory: Arc::new(Semaphore::new(pieces as usize)),
            pieces,
            processors: Arc::new(Semaphore::new(processors)),
            wait: Duration::from_millis(settings.wait_ms),
            renderers: Renderers::new(processors)?,
            metrics,
        })
    }

    /// Memory for `bytes`; a request larger than all there is takes all there is.
    pub async fn memory(&self, bytes: u64) -> Result<OwnedSemaphorePermit, Refusal> {
        let pieces = u32::try_from(bytes.div_ceil(PIECE)).unwrap_or(u32::MAX).min(self.pieces);
        self.waited(self.memory.clone().acquire_many_owned(pieces)).await
    }

    /// Composes on a thread for such work. Memory and processor are given back when the work ends, which it does early when
    /// this is dropped.
    pub async fn render(
        &self,
        memory: OwnedSemaphorePermit,
        composition: Composition,
        tiles: Vec<Bytes>,
    ) -> Result<Bytes, Refusal> {
        let processor = self.waited(self.processors.clone().acquire_owned()).await?;
        let metrics = self.metrics.clone();
        let left = Arc::new(AtomicBool::new(false));
        let _presence = Presence(left.clone());
        let work = move |renderer: &mut Renderer| {
            let _held = (memory, processor, Counted::in_gauge(&metrics.rendering));
            metrics.begun.inc();
            let answer = renderer.render(&composition, &tiles, &left);
            if matches!(answer, Err(RenderError::Abandoned)) {
                metrics.abandoned.inc();
            }
            // Encoders leave room behind their result, which would be kept with it.
            answer.map(|bytes| Bytes::copy_from_slice(&bytes))
        };
        self.renderers.run(work).await
    }

    async fn waited<T, E>(&self, permit: impl Future<Output = Result<T, E>>) -> Result<T, Refusal> {
        let _waiting = Counted::in_gauge(&self.metrics.waiting);
        match timeout(self.wait, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Refusal::Busy),
        }
    }
}
