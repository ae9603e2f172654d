//! Answers that have to be made: read the tiles in few reads, render within the budget, keep the result.
//! Many requests for the same answer at once make it once, and not to its end if all of them are left.

use std::sync::Arc;

use bytes::Bytes;
use dlcs_iiif::Resolved;
use dlcs_imaging::render::Composition;
use futures::FutureExt as _;
use moka::future::Cache;

use crate::DeliverySettings;
use crate::budget::Budget;
use crate::catalogue::Image;
use crate::clients::{Client, Clients};
use crate::flights::Flights;
use crate::metrics::RenderMetrics;
use crate::objects::{Failure, Objects};
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
    workshop: Arc<Workshop>,
    clients: Arc<Clients>,
    making: Flights<Key, Result<Bytes, Failure>>,
}

/// What making takes.
struct Workshop {
    objects: Objects,
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
    pub fn new(
        settings: &DeliverySettings,
        objects: Objects,
        clients: Arc<Clients>,
        metrics: RenderMetrics,
    ) -> std::io::Result<Self> {
        let weigh =
            |key: &Key, bytes: &Bytes| u32::try_from(bytes.len() + key.request.0.len() + 128).unwrap_or(u32::MAX);
        let made = Cache::builder().max_capacity(settings.cache_mb << 20).weigher(weigh).build();
        let workshop = Arc::new(Workshop { objects, budget: Budget::new(settings, metrics)?, made });
        Ok(Self { workshop, clients, making: Flights::new() })
    }

    /// The answer to `request`, made by `composition` unless it is kept. Of several clients that want the same at once, the
    /// first is charged.
    ///
    /// # Errors
    /// As the store or the renderer say, or when the client has to wait.
    pub async fn answer(
        &self,
        client: Client,
        image: &Image,
        request: &Resolved,
        composition: Composition,
    ) -> Result<(Bytes, Origin), Failure> {
        let key = Key {
            // A token is unique in the world, but a state without one must not be shared between images.
            state: format!("{}{}", image.descriptor.image, image.state),
            request: (request.canonical.clone(), request.width, request.height),
        };
        if let Some(kept) = self.workshop.made.get(&key).await {
            return Ok((kept, Origin::Kept));
        }
        let make = || {
            let (workshop, clients, key) = (self.workshop.clone(), self.clients.clone(), key.clone());
            let (derivative, pixels) = (image.descriptor.derivative.clone(), composition.pixels());
            clients.charge(client, pixels)?;
            let making = async move {
                let made = workshop.make(key, &derivative, composition).await;
                if made.is_err() {
                    clients.give_back(client, pixels);
                }
                made
            };
            Ok::<_, Refusal>(making.boxed())
        };
        Ok((self.making.try_join(&key, make).await??, Origin::Made))
    }
}

impl Workshop {
    async fn make(&self, key: Key, derivative: &str, composition: Composition) -> Result<Bytes, Failure> {
        // It may have been made since it was looked for.
        if let Some(kept) = self.made.get(&key).await {
            return Ok(kept);
        }
        let memory = self.budget.memory(composition.memory()).await?;
        let tiles = self.objects.tiles(derivative, &composition.reads).await?;
        let made = self.budget.render(memory, composition, tiles).await?;
        self.made.insert(key, made.clone()).await;
        Ok(made)
    }
}
