//! Descriptors in the object store follow changes that Postgres has already: at once by whoever made the change, and
//! by a loop where that did not come to its end.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use dlcs_db::queue::{self, Publication, Wanted};
use dlcs_model::ImageKey;
use dlcs_service::{Backoff, CancellationToken, pause};
use dlcs_storage::{Descriptor, StorageKey, Store, StoreError};
use futures::{StreamExt, stream};
use tokio::time::timeout;

use crate::Gateway;

/// How long a descriptor may take: the image's row is locked meanwhile.
const PUBLISH: Duration = Duration::from_secs(15);
/// How long a request waits for what it changed to be seen; the rest goes on without it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Descriptors written at the same time by one request or loop; each holds a connection.
const TOGETHER: usize = 4;
/// Between looks for what was left behind, and how much is taken then.
const INTERVAL: Duration = Duration::from_secs(1);
const CHUNK: i64 = 256;

/// Brings the descriptors of these images in line, as far as that is due. What fails is left to the loop.
pub async fn follow(gateway: Arc<Gateway>, images: Vec<ImageKey>) {
    let followed = tokio::spawn(follow_all(gateway, images));
    if timeout(PATIENCE, followed).await.is_err() {
        tracing::warn!("descriptors take long to follow");
    }
}

/// Looks for what was left behind until the service is told to stop.
pub async fn run(gateway: Arc<Gateway>, shutdown: CancellationToken) {
    let (mut backoff, mut wait) = (Backoff::new(), INTERVAL);
    while pause(wait, &shutdown).await {
        wait = match round(&gateway).await {
            Ok(more) => {
                backoff.reset();
                if more { Duration::ZERO } else { INTERVAL }
            }
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "descriptors were left behind");
                backoff.failed()
            }
        };
    }
}

/// Whether there may be more.
async fn round(gateway: &Arc<Gateway>) -> anyhow::Result<bool> {
    let due = queue::follow::due(&mut *gateway.database.get().await?, CHUNK).await?;
    let count = due.len();
    let failed = follow_all(gateway.clone(), due).await;
    anyhow::ensure!(failed == 0, "{failed} of {count} descriptors could not follow");
    Ok(i64::try_from(count).is_ok_and(|count| count == CHUNK))
}

/// How many could not follow.
async fn follow_all(gateway: Arc<Gateway>, images: Vec<ImageKey>) -> usize {
    let followed = stream::iter(images).map(|image| {
        let gateway = gateway.clone();
        async move {
            let followed = follow_one(&gateway, image.clone()).await;
            followed.inspect_err(
                |error| tracing::warn!(error = format!("{error:#}"), %image, "a descriptor is out of date"),
            )
        }
    });
    followed.buffer_unordered(TOGETHER).filter(|followed| std::future::ready(followed.is_err())).count().await
}

async fn follow_one(gateway: &Gateway, image: ImageKey) -> anyhow::Result<bool> {
    let mut db = gateway.database.get().await?;
    let (store, key) = (gateway.store.clone(), image.clone());
    let publish = move |wanted| async move {
        timeout(PUBLISH, publish(&store, &key, wanted)).await.context("the object store is slow")?
    };
    queue::follow(&mut db, &image, publish).await.map_err(|error: queue::FollowError<anyhow::Error>| error.into())
}

/// Makes a descriptor what it has to be. The caller holds the lock that every writer of it holds.
async fn publish(store: &Store, image: &ImageKey, wanted: Wanted) -> anyhow::Result<()> {
    let key = StorageKey::Descriptor(image);
    let name = key.to_string();
    let Wanted::Access(Publication { max_unauthorised, roles, modified }) = wanted else {
        return Ok(store.delete(&name).await?);
    };
    let body = match store.get(&name).await {
        Ok(body) => body,
        Err(StoreError::NotFound(_)) => {
            tracing::error!(%image, "an image that should be served has no descriptor");
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    let descriptor: Descriptor = serde_json::from_slice(&body).context("a descriptor cannot be read")?;
    if descriptor.max_unauthorised == max_unauthorised && descriptor.roles == roles {
        return Ok(());
    }
    let descriptor = Descriptor { max_unauthorised, roles, modified: modified.timestamp(), ..descriptor };
    Ok(store.put(&name, key.media_type(), serde_json::to_vec(&descriptor)?.into()).await?)
}
