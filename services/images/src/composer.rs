//! Answers that have to be made: read the tiles in few reads, render within the budget, keep the result.
//! Many requests for the same answer at once make it once.

use bytes::Bytes;
use dlcs_iiif::Resolved;
use dlcs_imaging::render::{Composition, spans};
use dlcs_storage::{Store, StoreError};
use futures::future::try_join_all;
use moka::future::Cache;

use crate::DeliverySettings;
use crate::budget::Budget;
use crate::catalogue::Image;
use crate::refusal::Refusal;

/// What an answer is made of: whose pixels, and which of all possible answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    state: String,
    /// The canonical request, and its pixels, which limits may change.
    request: (String, u32, u32),
}

/// Makes and keeps answers.
pub(crate) struct Composer {
    store: Store,
    budget: Budget,
    made: Cache<Key, Bytes>,
}

/// Whether an answer was there or had to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Kept,
    Made,
}

impl Composer {
    pub fn new(settings: &DeliverySettings, store: Store) -> Self {
        let weigh =
            |key: &Key, bytes: &Bytes| u32::try_from(bytes.len() + key.request.0.len() + 128).unwrap_or(u32::MAX);
        let made = Cache::builder().max_capacity(settings.cache_mb << 20).weigher(weigh).build();
        Self { store, budget: Budget::new(settings), made }
    }

    /// The answer to `request`, made by `composition` unless it is kept.
    ///
    /// # Errors
    /// As the store or the renderer say; `Ok(None)` when the derivative is gone.
    pub async fn answer(
        &self,
        image: &Image,
        request: &Resolved,
        composition: Composition,
    ) -> Result<Option<(Bytes, Origin)>, Refusal> {
        let key = Key {
            // A token is unique in the world, but a state without one must not be shared between images.
            state: format!("{}{}", image.descriptor.image, image.state),
            request: (request.canonical.clone(), request.width, request.height),
        };
        if let Some(kept) = self.made.get(&key).await {
            return Ok(Some((kept, Origin::Kept)));
        }
        let made = self.made.try_get_with(key, self.make(&image.descriptor.derivative, composition)).await;
        match made {
            Ok(bytes) => Ok(Some((bytes, Origin::Made))),
            Err(failure) => match &*failure {
                Failure::Gone => Ok(None),
                Failure::Refused(refusal) => Err(refusal.clone()),
            },
        }
    }

    async fn make(&self, derivative: &str, composition: Composition) -> Result<Bytes, Failure> {
        let memory = self.budget.memory(composition.memory()).await?;
        let tiles = self.read(derivative, &composition).await?;
        Ok(self.budget.render(memory, composition, tiles).await?)
    }

    async fn read(&self, derivative: &str, composition: &Composition) -> Result<Vec<Bytes>, Failure> {
        let spans = spans(&composition.reads);
        let reads = spans.iter().map(|span| self.store.get_range(derivative, span.offset, span.length));
        let blocks = try_join_all(reads).await.map_err(Failure::from)?;
        let mut tiles = vec![Bytes::new(); composition.reads.len()];
        for (span, block) in spans.iter().zip(&blocks) {
            for index in &span.members {
                let range = composition.reads[*index];
                let start = usize::try_from(range.offset - span.offset).unwrap_or(usize::MAX);
                tiles[*index] = block.slice(start..start + range.length as usize);
            }
        }
        Ok(tiles)
    }
}

/// Why an answer could not be made.
enum Failure {
    Gone,
    Refused(Refusal),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        if error.is_not_found() { Self::Gone } else { Self::Refused(Refusal::Store(error.to_string())) }
    }
}
