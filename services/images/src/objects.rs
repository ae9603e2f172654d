//! Reads of the store. Where it is far away, what was read of derivatives and thumbnails is kept in memory for a while:
//! these never change under their keys, and whether an image is still there is for its descriptor to say.

use std::sync::Arc;

use bytes::Bytes;
use dlcs_imaging::head::TileRange;
use dlcs_imaging::render::{Span, spans};
use dlcs_storage::{Store, StoreError};
use futures::FutureExt as _;
use futures::future::try_join_all;
use moka::future::Cache;

use crate::DeliverySettings;
use crate::flights::Flights;
use crate::metrics::StoreMetrics;
use crate::refusal::Refusal;

/// What keeping a block takes besides its bytes and its key.
const OVERHEAD: usize = 160;

/// Why an object could not be read.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// It is not there: the image was deleted or registered again while its descriptor was remembered.
    Gone,
    /// Our own trouble.
    Refused(Refusal),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(_) => Self::Gone,
            StoreError::Short { .. } => Self::Refused(Refusal::Damaged(error.to_string())),
            error => Self::Refused(Refusal::Store(error.to_string())),
        }
    }
}

/// A part of an object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Block {
    object: Arc<str>,
    offset: u64,
    length: u64,
}

impl Block {
    fn of_tile(object: &Arc<str>, range: TileRange) -> Self {
        Self { object: object.clone(), offset: range.offset, length: u64::from(range.length) }
    }
}

/// The store, as delivery reads it. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Objects(Arc<Inner>);

struct Inner {
    store: Store,
    /// `None` for a local store: the system's page cache does this already.
    kept: Option<Cache<Block, Bytes>>,
    reading: Flights<Block, Result<Bytes, Failure>>,
    metrics: StoreMetrics,
}

impl Objects {
    pub fn new(settings: &DeliverySettings, store: Store, metrics: StoreMetrics) -> Self {
        let weigh = |block: &Block, bytes: &Bytes| {
            u32::try_from(block.object.len() + bytes.len() + OVERHEAD).unwrap_or(u32::MAX)
        };
        let kept = (store.is_remote() && settings.block_cache_mb > 0)
            .then(|| Cache::builder().max_capacity(settings.block_cache_mb << 20).weigher(weigh).build());
        Self(Arc::new(Inner { store, kept, reading: Flights::new(), metrics }))
    }

    /// A whole, small object, as it is now.
    pub async fn get(&self, key: &str) -> Result<Bytes, Failure> {
        self.0.metrics.counted(self.0.store.get(key).await).map_err(Failure::from)
    }

    /// A part of an object that is not kept here.
    pub async fn read(&self, key: &str, offset: u64, length: u64) -> Result<Bytes, Failure> {
        self.0.read(key, offset, length).await
    }

    /// A part of an object that never changes.
    pub async fn block(&self, key: &str, offset: u64, length: u64) -> Result<Bytes, Failure> {
        if self.0.kept.is_none() {
            return self.0.read(key, offset, length).await;
        }
        let block = Block { object: key.into(), offset, length };
        if let Some(bytes) = self.0.find(&block).await {
            return Ok(bytes);
        }
        let inner = self.0.clone();
        self.0.reading.join(&block, || inner.fetch(block.clone()).boxed()).await
    }

    /// The tiles of a derivative at `ranges`, in that order, in as few reads as their places allow.
    pub async fn tiles(&self, key: &str, ranges: &[TileRange]) -> Result<Vec<Bytes>, Failure> {
        let object: Arc<str> = key.into();
        let mut tiles = vec![Bytes::new(); ranges.len()];
        let mut missing = Vec::new();
        for (index, range) in ranges.iter().enumerate() {
            match self.0.find(&Block::of_tile(&object, *range)).await {
                Some(bytes) => tiles[index] = bytes,
                None => missing.push(index),
            }
        }
        let wanted: Vec<_> = missing.iter().map(|index| ranges[*index]).collect();
        let reads = spans(&wanted).into_iter().map(|span| self.span(&object, &wanted, span));
        for (member, bytes) in try_join_all(reads).await?.into_iter().flatten() {
            tiles[missing[member]] = bytes;
        }
        Ok(tiles)
    }

    /// Reads a span of `wanted` ranges and takes it apart.
    async fn span(&self, object: &Arc<str>, wanted: &[TileRange], span: Span) -> Result<Vec<(usize, Bytes)>, Failure> {
        let Span { offset, length, members } = span;
        if let [only] = members[..] {
            return Ok(vec![(only, self.block(object, offset, length).await?)]);
        }
        let read = if self.0.kept.is_some() {
            let block = Block { object: object.clone(), offset, length };
            let (inner, parts) = (self.0.clone(), members.iter().map(|m| wanted[*m]).collect());
            self.0.reading.join(&block, || inner.fetch_tiles(block.clone(), parts).boxed()).await
        } else {
            self.0.read(object, offset, length).await
        };
        let read = read?;
        Ok(members.into_iter().map(|member| (member, cut(&read, offset, wanted[member]))).collect())
    }
}

/// A tile out of a span that starts at `offset`.
fn cut(span: &Bytes, offset: u64, tile: TileRange) -> Bytes {
    let start = usize::try_from(tile.offset - offset).unwrap_or(usize::MAX);
    span.slice(start..start + tile.length as usize)
}

impl Inner {
    async fn read(&self, key: &str, offset: u64, length: u64) -> Result<Bytes, Failure> {
        self.metrics.counted(self.store.get_range(key, offset, length).await).map_err(Failure::from)
    }

    /// A block that is at hand.
    async fn find(&self, block: &Block) -> Option<Bytes> {
        let kept = self.kept.as_ref()?;
        self.metrics.bytes.set(i64::try_from(kept.weighted_size()).unwrap_or(i64::MAX));
        let bytes = kept.get(block).await?;
        self.metrics.kept.inc();
        Some(bytes)
    }

    /// Reads a block and keeps it, unless it came to be kept since it was looked for.
    async fn fetch(self: Arc<Self>, block: Block) -> Result<Bytes, Failure> {
        if let Some(bytes) = self.find(&block).await {
            return Ok(bytes);
        }
        let bytes = self.read(&block.object, block.offset, block.length).await?;
        self.metrics.missed.inc();
        self.keep(block, bytes.clone()).await;
        Ok(bytes)
    }

    /// Reads a span and keeps its tiles, each in memory of its own, so that one that stays does not hold all the others.
    async fn fetch_tiles(self: Arc<Self>, span: Block, tiles: Vec<TileRange>) -> Result<Bytes, Failure> {
        let bytes = self.read(&span.object, span.offset, span.length).await?;
        self.metrics.missed.inc_by(tiles.len() as u64);
        for tile in tiles {
            let copy = Bytes::copy_from_slice(&cut(&bytes, span.offset, tile));
            self.keep(Block::of_tile(&span.object, tile), copy).await;
        }
        Ok(bytes)
    }

    async fn keep(&self, block: Block, bytes: Bytes) {
        if let Some(kept) = &self.kept {
            kept.insert(block, bytes).await;
        }
    }
}
