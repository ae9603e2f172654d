//! Registers a local file as an image, as the processor would, without queue or database.

use std::path::Path;

use dlcs_imaging::derive::{DerivedThumbnail, Outputs, open, verify};
use dlcs_imaging::source::Limits;
use dlcs_model::ImageKey;
use dlcs_storage::key::Generation;
use dlcs_storage::{Descriptor, StorageKey, Store, Thumbnail};
use uuid::Uuid;

/// Derives `source`, stores what came of it and publishes it as `image`; `edit` may change the descriptor before.
pub async fn publish(
    store: &Store,
    image: &ImageKey,
    source: &Path,
    edit: impl FnOnce(&mut Descriptor),
) -> Result<Descriptor, Box<dyn std::error::Error>> {
    let work = tempfile::tempdir()?;
    let file = work.path().join("image.tif");
    let outputs = Outputs::create(&file, work.path())?;
    let derived = open(std::fs::File::open(source)?, &Limits::default())?.derive(&outputs, None)?;
    verify(&outputs.derivative, &derived)?;
    let generation = Generation { image, generation: 1, token: Uuid::now_v7() };
    let mut thumbnails = Vec::new();
    for DerivedThumbnail { edge, width, height, bytes } in derived.thumbnails {
        let key = StorageKey::Thumbnail(generation, edge);
        let path = Outputs::thumbnail(work.path(), edge);
        store.put_file(&key.to_string(), key.media_type(), &path).await?;
        thumbnails.push(Thumbnail { edge, width, height, key: key.to_string(), bytes });
    }
    let key = StorageKey::Derivative(generation);
    store.put_file(&key.to_string(), key.media_type(), &file).await?;
    let mut descriptor = Descriptor {
        format: Descriptor::FORMAT,
        image: image.clone(),
        generation: 1,
        width: derived.width,
        height: derived.height,
        tile: dlcs_model::limits::TILE_SIDE,
        levels: derived.levels,
        derivative: key.to_string(),
        derivative_bytes: derived.bytes,
        head_length: derived.head_length,
        thumbnails,
        max_unauthorised: -1,
        roles: Vec::new(),
        modified: 1_700_000_000,
    };
    edit(&mut descriptor);
    let key = StorageKey::Descriptor(image);
    store.put(&key.to_string(), key.media_type(), serde_json::to_vec(&descriptor)?.into()).await?;
    Ok(descriptor)
}
