//! Which images there are: descriptors, heads and customers' names, each read once and kept as long as it may be.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::http::header::HeaderValue;
use dlcs_iiif::{Limits, Subject};
use dlcs_imaging::head::Head;
use dlcs_model::{CustomerId, ImageId, ImageKey, SpaceId};
use dlcs_storage::{Descriptor, StorageKey, Thumbnail};
use moka::Expiry;
use moka::future::Cache;
use tokio::sync::OnceCell;

use crate::DeliverySettings;
use crate::conditional::last_modified;
use crate::information::Documents;
use crate::objects::{Failure, Objects};
use crate::path::Target;
use crate::refusal::Refusal;

/// Absence is trusted this long: it shields the store from a storm of misses and hides a fresh image only for a moment.
const ABSENT: Duration = Duration::from_millis(200);
/// A customer's name is given once.
const NAME: Duration = Duration::from_secs(60);
/// Images remembered; one takes about 2 KiB.
const IMAGES: u64 = 50_000;

/// An image as it is published now.
pub(crate) struct Image {
    pub descriptor: Arc<Descriptor>,
    /// Identifies the registration and attempt that made what is stored.
    pub state: String,
    /// What requests are resolved against.
    pub subject: Subject,
    /// `Last-Modified` of everything served of it.
    pub last_modified: HeaderValue,
    /// The information documents that were asked for.
    pub documents: Documents,
    head: OnceCell<Arc<Head>>,
}

impl Image {
    fn new(descriptor: Descriptor, limits: Limits) -> Self {
        let state = descriptor.derivative.rsplit('/').nth(1).unwrap_or_default().to_owned();
        let Descriptor { width, height, tile, max_unauthorised, .. } = descriptor;
        let open_edge = u32::try_from(max_unauthorised).ok();
        let subject = Subject { width, height, tile, limits, open_edge };
        let last_modified = last_modified(descriptor.modified);
        let descriptor = Arc::new(descriptor);
        Self { descriptor, state, subject, last_modified, documents: Documents::default(), head: OnceCell::new() }
    }

    /// The stored thumbnails that anyone may see, smallest first.
    pub fn open_thumbnails(&self) -> impl Iterator<Item = &Thumbnail> {
        let open = self.subject.open_edge.unwrap_or(u32::MAX);
        self.descriptor.thumbnails.iter().filter(move |t| t.width.max(t.height) <= open)
    }
}

/// Everything that is known of stored images.
pub(crate) struct Catalogue {
    objects: Objects,
    limits: Limits,
    images: Cache<ImageKey, Option<Arc<Image>>>,
    heads: Cache<String, Arc<Head>>,
    names: Cache<String, Option<CustomerId>>,
}

struct Lifetimes {
    present: Duration,
}

impl<K, V> Expiry<K, Option<V>> for Lifetimes {
    fn expire_after_create(&self, _key: &K, value: &Option<V>, _now: Instant) -> Option<Duration> {
        Some(if value.is_some() { self.present } else { ABSENT })
    }
}

impl Catalogue {
    pub fn new(settings: &DeliverySettings, objects: Objects) -> Self {
        let head_bytes = |key: &String, head: &Arc<Head>| {
            let tiles: u64 = dlcs_imaging::geometry::levels(head.width(), head.height())
                .iter()
                .map(|l| u64::from(l.columns() + 1) * u64::from(l.rows() + 1))
                .sum();
            let planes = 1 + u64::from(head.has_alpha());
            u32::try_from(key.len() as u64 + tiles * planes * 16).unwrap_or(u32::MAX)
        };
        let present = Duration::from_millis(settings.descriptor_ms);
        Self {
            objects,
            limits: Limits { max_width: settings.max_width, max_area: settings.max_area },
            images: Cache::builder().max_capacity(IMAGES).expire_after(Lifetimes { present }).build(),
            heads: Cache::builder().max_capacity(settings.head_cache_mb << 20).weigher(head_bytes).build(),
            names: Cache::builder().max_capacity(10_000).expire_after(Lifetimes { present: NAME }).build(),
        }
    }

    /// The image that a path means.
    pub async fn image(&self, target: &Target<'_>) -> Result<(ImageKey, Arc<Image>), Refusal> {
        let customer = self.customer(&target.customer).await?;
        let space = number(target.space).ok_or(Refusal::NotFound)?;
        let id = ImageId::new(target.id.as_ref()).map_err(|_| Refusal::NotFound)?;
        let key = ImageKey { customer, space: SpaceId(space), id };
        let found = match self.images.get(&key).await {
            Some(found) => found,
            None => self.images.try_get_with_by_ref(&key, self.read(&key)).await.map_err(|e| (*e).clone())?,
        };
        found.map(|image| (key, image)).ok_or(Refusal::NotFound)
    }

    /// Whether what this describes is known to be what is published now.
    pub async fn is_current(&self, descriptor: &Arc<Descriptor>) -> bool {
        let now = self.images.get(&descriptor.image).await.flatten();
        now.is_some_and(|now| now.descriptor == *descriptor)
    }

    /// Forgets what is known of an image whose objects turn out to be gone.
    pub async fn forget(&self, key: &ImageKey) {
        self.images.invalidate(key).await;
    }

    async fn read(&self, key: &ImageKey) -> Result<Option<Arc<Image>>, Refusal> {
        let bytes = match self.objects.get(&StorageKey::Descriptor(key).to_string()).await {
            Ok(bytes) => bytes,
            Err(Failure::Gone) => return Ok(None),
            Err(Failure::Refused(refusal)) => return Err(refusal),
        };
        let descriptor: Descriptor =
            serde_json::from_slice(&bytes).map_err(|e| Refusal::Damaged(format!("descriptor of {key}: {e}")))?;
        if descriptor.format != Descriptor::FORMAT || descriptor.image != *key {
            return Err(Refusal::Damaged(format!("descriptor of {key} is of format {}", descriptor.format)));
        }
        Ok(Some(Arc::new(Image::new(descriptor, self.limits))))
    }

    /// Where the tiles of an image lie.
    pub async fn head(&self, image: &Image) -> Result<Arc<Head>, Failure> {
        let read = async || {
            let Descriptor { derivative, head_length, .. } = &*image.descriptor;
            if let Some(head) = self.heads.get(derivative).await {
                return Ok(head);
            }
            let bytes = self.objects.read(derivative, 0, *head_length).await?;
            let head = Head::parse(&bytes).map_err(|e| Refusal::Damaged(format!("{derivative}: {e}")))?;
            let head = Arc::new(head);
            self.heads.insert(derivative.clone(), head.clone()).await;
            Ok(head)
        };
        image.head.get_or_try_init(read).await.cloned()
    }

    async fn customer(&self, text: &str) -> Result<CustomerId, Refusal> {
        if let Some(number) = number(text) {
            return Ok(CustomerId(number));
        }
        let name = text.to_lowercase();
        let allowed = (1..=60).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
            && name != "."
            && name != "..";
        if !allowed {
            return Err(Refusal::NotFound);
        }
        let read = async {
            match self.objects.get(&StorageKey::CustomerName(&name).to_string()).await {
                Ok(bytes) => Ok(std::str::from_utf8(&bytes).ok().and_then(|t| number(t.trim())).map(CustomerId)),
                Err(Failure::Gone) => Ok(None),
                Err(Failure::Refused(refusal)) => Err(refusal),
            }
        };
        let found = self.names.try_get_with_by_ref(&name, read).await.map_err(|e| (*e).clone())?;
        found.ok_or(Refusal::NotFound)
    }
}

/// A positive number in plain digits.
fn number(text: &str) -> Option<i32> {
    let digits = (1..=10).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|n| *n > 0)
}
