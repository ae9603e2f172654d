//! The workers' part, in the test's hands: what was registered becomes an image that is served.

use std::time::Duration;

use dlcs_db::queue::{Claim, Facts, Outcome, Publication, Staged, claim, complete, fail, fetched};
use dlcs_db::{AsyncPgConnection, image};
use dlcs_messages::Hint;
use dlcs_model::{CustomerId, Failure, ImageId, ImageKey, SpaceId, Stage};
use dlcs_storage::{Descriptor, Generation, StorageKey};
use dlcs_testkit::eventually;

use crate::support::World;

pub const SIZE: u64 = 1000;
pub const THUMBNAILS: u64 = 100;

pub fn key(world: &World, id: &str) -> ImageKey {
    ImageKey { customer: CustomerId(world.customer as i32), space: SpaceId(1), id: ImageId::new(id).unwrap() }
}

/// The image's row as soon as it is there, and on its way.
pub async fn waiting(world: &World, id: &str) -> image::Image {
    let key = key(world, id);
    let found = eventually("an image on its way", Duration::from_secs(20), async || {
        image::get(&mut *world.database().await, &key).await.unwrap().filter(image::Image::ingesting)
    });
    found.await.unwrap()
}

async fn take(db: &mut AsyncPgConnection, row: &image::Image) -> Claim {
    let hint = Hint { batch: row.batch, ordinal: row.ordinal, generation: row.generation, stage: Stage::Fetch };
    claim(db, &hint, "test").await.unwrap().expect("the item can be claimed")
}

/// Takes up an image that is on its way and makes it fail; gives where it would have been fetched from.
pub async fn fail_with(world: &World, id: &str, failure: &Failure) -> String {
    let row = waiting(world, id).await;
    let db = &mut *world.database().await;
    let claimed = take(db, &row).await;
    fail(db, &claimed, failure).await.unwrap();
    claimed.origin
}

/// Takes up an image that is on its way and makes it one that is served; gives where it was fetched from.
pub async fn serve(world: &World, id: &str) -> String {
    let row = waiting(world, id).await;
    let db = &mut *world.database().await;
    let claimed = take(db, &row).await;
    let staged = Staged { key: format!("staging/{id}"), bytes: 10, sha256: vec![1; 32], media_type: None };
    let next = fetched(db, &claimed, &staged).await.unwrap().unwrap();
    let processing = claim(db, &next.hint, "test").await.unwrap().unwrap();
    let facts = Facts {
        width: 640,
        height: 480,
        media_type: "image/jpeg".to_owned(),
        derivative: StorageKey::Derivative(output(&processing)).to_string(),
        size: SIZE,
        thumbnail_size: THUMBNAILS,
    };
    let path = world.store.path().join(StorageKey::Descriptor(&claimed.image).to_string());
    let publish = |publication| {
        let descriptor = describe(&processing, &facts, publication);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, serde_json::to_vec(&descriptor).unwrap()).unwrap();
        async { Ok::<(), std::convert::Infallible>(()) }
    };
    match complete(db, &processing, &facts, publish).await {
        Ok(outcome) => assert_eq!(outcome, Outcome::Done),
        Err(error) => {
            let failure = Failure::new(dlcs_model::FailureCode::QuotaExceeded, error.to_string());
            fail(db, &processing, &failure).await.unwrap();
        }
    }
    claimed.origin
}

fn output(claim: &Claim) -> Generation<'_> {
    Generation { image: &claim.image, generation: claim.generation, token: claim.token }
}

fn describe(claim: &Claim, facts: &Facts, publication: Publication) -> Descriptor {
    let Publication { max_unauthorised, roles, modified } = publication;
    Descriptor {
        format: Descriptor::FORMAT,
        image: claim.image.clone(),
        generation: claim.generation,
        width: facts.width,
        height: facts.height,
        tile: 512,
        levels: 1,
        derivative: facts.derivative.clone(),
        derivative_bytes: facts.size,
        head_length: 10,
        thumbnails: Vec::new(),
        max_unauthorised,
        roles,
        modified: modified.timestamp(),
    }
}

/// What the image service reads of an image.
pub fn descriptor(world: &World, id: &str) -> Option<Descriptor> {
    let path = world.store.path().join(StorageKey::Descriptor(&key(world, id)).to_string());
    Some(serde_json::from_slice(&std::fs::read(path).ok()?).unwrap())
}
