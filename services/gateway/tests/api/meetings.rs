//! Requests that meet: the same images in many batches at once, deletion and registration while work is under way.

use std::convert::Infallible;

use dlcs_db::batch::{self, Batch};
use dlcs_db::queue::{Claim, Facts, Outcome, Staged, cancel_batch, claim, complete, fetched, roll};
use dlcs_db::{AsyncPgConnection, Slice};
use dlcs_messages::Hint;
use dlcs_model::{BatchFilter, BatchId, CustomerId, Stage};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Reply, World};

fn image(id: &str) -> Value {
    json!({"space": 1, "id": id, "origin": format!("http://origin.example/{id}.jpg")})
}

fn collection(members: impl Iterator<Item = Value>) -> Value {
    json!({"@type": "Collection", "member": members.collect::<Vec<_>>()})
}

fn batch_number(reply: &Reply) -> BatchId {
    assert_eq!(reply.status, 201, "{}", reply.json);
    BatchId(reply.json["@id"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap())
}

fn customer(world: &World) -> CustomerId {
    CustomerId(world.customer as i32)
}

/// The batches after all that has ended was counted, newest first.
async fn settled(world: &World) -> Vec<Batch> {
    let mut db = world.database().await;
    while !roll(&mut db).await.unwrap().batches.is_empty() {}
    let (all, first) = (BatchFilter::default(), Slice::first(100));
    batch::list(&mut db, customer(world), batch::Which::All, &all, &first).await.unwrap().rows
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_images_in_opposite_order_by_twenty_at_once() {
    let world = World::start(&[]).await;
    let ids: Vec<String> = (0..500).map(|n| format!("i{n:03}")).collect();
    let forth = collection(ids.iter().map(|id| image(id)));
    let back = collection(ids.iter().rev().map(|id| image(id)));
    let posts = (0..20).map(|n| {
        let (path, body) = if n % 2 == 0 { ("/queue", &forth) } else { ("/queue/priority", &back) };
        world.post(path, body)
    });
    let mut accepted: Vec<_> = join_all(posts).await.iter().map(batch_number).collect();
    accepted.sort_unstable();
    accepted.dedup();
    assert_eq!(accepted.len(), 20);
    assert_eq!(world.get("/spaces/1").await.json["numberOfImages"], 500);
    let batches = settled(&world).await;
    let (over, open): (Vec<_>, Vec<_>) = batches.iter().partition(|batch| batch.finished.is_some());
    assert_eq!((over.len(), open.len()), (19, 1));
    assert!(over.iter().all(|batch| batch.superseded() && (batch.completed, batch.errors) == (0, 500)));
    let newest = format!("/batches/{}", open[0].id);
    for id in ["i000", "i250", "i499"] {
        let image = world.get(&format!("/spaces/1/images/{id}")).await.json;
        assert!(image["batch"].as_str().unwrap().ends_with(&newest), "{id}: {}", image["batch"]);
    }
}

/// How far a worker came before something happened to its image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Came {
    Nowhere,
    Fetching,
    Processing,
    ToItsEnd,
}

const ALL: [Came; 4] = [Came::Nowhere, Came::Fetching, Came::Processing, Came::ToItsEnd];

async fn work(db: &mut AsyncPgConnection, batch: BatchId, came: Came) -> Option<Claim> {
    let hint = |stage| Hint { batch, ordinal: 0, generation: 1, stage };
    if came == Came::Nowhere {
        return None;
    }
    let fetching = claim(db, &hint(Stage::Fetch), "test").await.unwrap().unwrap();
    if came == Came::Fetching {
        return Some(fetching);
    }
    let staged = Staged { key: "staging/x".into(), bytes: 9, sha256: vec![0; 32], media_type: None };
    fetched(db, &fetching, &staged).await.unwrap().unwrap();
    let processing = claim(db, &hint(Stage::Process), "test").await.unwrap().unwrap();
    if came == Came::ToItsEnd {
        assert_eq!(finish(db, &processing).await, Outcome::Done);
    }
    Some(processing)
}

async fn finish(db: &mut AsyncPgConnection, claim: &Claim) -> Outcome {
    let facts = Facts {
        width: 640,
        height: 480,
        media_type: "image/jpeg".to_owned(),
        derivative: claim.token.to_string(),
        size: 1000,
        thumbnail_size: 100,
    };
    complete(db, claim, &facts, |_| async { Ok::<(), Infallible>(()) }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_deleted_at_any_stage_stays_deleted() {
    let world = World::start(&["--queue-depth", "0"]).await;
    let mut db = world.database().await;
    for came in ALL {
        let (id, path) = (format!("{came:?}"), format!("/spaces/1/images/{came:?}"));
        let batch = batch_number(&world.post("/queue", &collection([image(&id)].into_iter())).await);
        let worker = work(&mut db, batch, came).await;
        assert_eq!(world.send(world.request(Method::DELETE, &path, &world.key)).await.status, 204, "{came:?}");
        let expected = if came == Came::ToItsEnd { Outcome::AlreadyDone } else { Outcome::Fenced };
        if let Some(late) = &worker {
            assert_eq!(finish(&mut db, late).await, expected, "{came:?}");
        }
        assert_eq!(world.get(&path).await.status, 404, "{came:?}");
        let ended = settled(&world).await.into_iter().find(|row| row.id == batch).unwrap();
        assert!(ended.finished.is_some() && ended.superseded(), "{came:?}: {ended:?}");
        let well = i32::from(came == Came::ToItsEnd);
        assert_eq!((ended.completed, ended.errors), (well, 1 - well), "{came:?}");
        let bare = world.put(&path, &json!({"string1": "back"})).await;
        assert_eq!(bare.status, 400, "nothing of it is left to register again: {came:?}");
        assert_eq!(world.get("/spaces/1").await.json["numberOfImages"], 0, "{came:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_registration_wins_at_any_stage() {
    let world = World::start(&["--queue-depth", "0"]).await;
    let mut db = world.database().await;
    for came in ALL {
        let (id, path) = (format!("{came:?}"), format!("/spaces/1/images/{came:?}"));
        let older = batch_number(&world.post("/queue", &collection([image(&id)].into_iter())).await);
        let worker = work(&mut db, older, came).await;
        let mut again = image(&id);
        again["origin"] = json!("http://origin.example/newer.jpg");
        let newer = batch_number(&world.post("/queue", &collection([again].into_iter())).await);
        if let (Some(late), true) = (&worker, came != Came::ToItsEnd) {
            assert_eq!(finish(&mut db, late).await, Outcome::Fenced, "{came:?}");
        }
        let now = world.get(&path).await.json;
        assert_eq!((&now["origin"], &now["ingesting"]), (&json!("http://origin.example/newer.jpg"), &json!(true)));
        assert!(now["batch"].as_str().unwrap().ends_with(&format!("/{newer}")), "{came:?}");
        let ended = settled(&world).await.into_iter().find(|row| row.id == older).unwrap();
        assert!(ended.finished.is_some() && ended.superseded(), "{came:?}: {ended:?}");
        assert_eq!(ended.completed, i32::from(came == Came::ToItsEnd), "{came:?}");
        // The newer one is cancelled; the older does not come back by that.
        cancel_batch(&mut db, customer(&world), newer).await.unwrap().unwrap();
        let now = world.get(&path).await.json;
        assert_eq!((&now["errorCode"], &now["ingesting"]), (&json!("cancelled"), &json!(false)), "{came:?}");
        assert_eq!(now["width"].is_number(), came == Came::ToItsEnd, "what was served is served on: {came:?}");
        let ended = settled(&world).await.into_iter().find(|row| row.id == newer).unwrap();
        assert!(ended.finished.is_some() && ended.errors == 1, "{came:?}: {ended:?}");
    }
}
