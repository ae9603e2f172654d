//! Cancelling and retrying batches.

use std::time::Duration;

use dlcs_db::queue::{Claim, claim, delete_image, heartbeat};
use dlcs_messages::Hint;
use dlcs_model::{BatchId, ImageId, ImageKey, SpaceId, Stage};
use dlcs_testkit::eventually;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{PUBLIC, Reply, World};

async fn post(world: &World, batch: BatchId, what: &str) -> Reply {
    world.send(world.request(Method::POST, &format!("/batches/{batch}/{what}"))).await
}

async fn finished(world: &World, batch: BatchId) -> Value {
    let path = format!("/batches/{batch}");
    let probe = async || Some(world.get(&path).await.json).filter(|batch| batch["finished"].is_string());
    eventually("the batch to finish", Duration::from_secs(10), probe).await.unwrap()
}

async fn take(world: &World, batch: BatchId, ordinal: i32) -> Claim {
    let hint = Hint { batch, ordinal, generation: 1, stage: Stage::Fetch };
    claim(&mut *world.db().await, &hint, "test").await.unwrap().unwrap()
}

fn number(reply: &Reply) -> BatchId {
    BatchId(reply.json["@id"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_ends_with_its_batch() {
    let world = World::start().await;
    let batch = world.register(world.customer, &["done", "running", "waiting"], None).await;
    world.work(batch, 0, true).await;
    let late = take(&world, batch, 1).await;
    let reply = post(&world, batch, "cancel").await;
    assert_eq!((reply.status.as_u16(), &reply.json["cancelled"]), (200, &json!(true)), "{}", reply.json);
    assert!(!heartbeat(&mut *world.db().await, &late).await.unwrap(), "the worker is told to stop");
    let end = finished(&world, batch).await;
    assert_eq!((&end["completed"], &end["errors"], &end["count"]), (&json!(1), &json!(2), &json!(3)));
    let members = world.get(&format!("/batches/{batch}/assets")).await;
    assert_eq!(members.members("errorCode"), [Value::Null, json!("cancelled"), json!("cancelled")]);
    let again = post(&world, batch, "cancel").await;
    assert_eq!((again.status.as_u16(), &again.json["finished"]), (200, &end["finished"]), "the end does not move");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_finished_cannot_be_cancelled_any_more() {
    let world = World::start().await;
    let batch = world.register(world.customer, &["a"], None).await;
    world.work(batch, 0, true).await;
    finished(&world, batch).await;
    let reply = post(&world, batch, "cancel").await;
    assert_eq!((reply.status.as_u16(), &reply.json["cancelled"]), (200, &json!(false)));
    assert_eq!(&reply.json["completed"], &json!(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_failed_is_retried_and_only_once() {
    let world = World::start().await;
    let batch = world.register(world.customer, &["good", "bad", "deleted", "newer", "open"], Some("book")).await;
    assert_eq!(post(&world, batch, "retry").await.status, 409, "nothing failed so far");
    world.work(batch, 0, true).await;
    for ordinal in 1..4 {
        world.work(batch, ordinal, false).await;
    }
    let key = ImageKey { customer: world.customer, space: SpaceId(1), id: ImageId::new("deleted").unwrap() };
    let withdraw = || async { Ok::<(), std::convert::Infallible>(()) };
    assert!(delete_image(&mut *world.db().await, &key, &|_| true, withdraw).await.unwrap());
    let newer = world.register(world.customer, &["newer"], None).await;
    // However many click at once.
    let replies = join_all((0..10).map(|_| post(&world, batch, "retry"))).await;
    let made: Vec<_> = replies.iter().filter(|reply| reply.status == 201).collect();
    assert_eq!((made.len(), replies.iter().filter(|reply| reply.status == 409).count()), (1, 9));
    let retry = number(made[0]);
    assert_eq!(made[0].header("location"), format!("{PUBLIC}/customers/{}/queue/batches/{retry}", world.customer));
    assert_eq!((&made[0].json["label"], &made[0].json["count"]), (&json!("book"), &json!(1)));
    assert_eq!(world.get(&format!("/batches/{retry}/images")).await.members("id"), ["bad"]);
    assert_eq!(world.get(&format!("/batches/{newer}/images")).await.members("id"), ["newer"], "the newest stands");
    let origin = world.get(&format!("/batches/{retry}/images")).await.members("origin");
    assert_eq!(origin, ["http://origin.example/bad.jpg"]);
    post(&world, batch, "cancel").await;
    assert_eq!(number(&post(&world, batch, "retry").await).0, retry.0 + 1, "what was cancelled can be retried");
}

/// Work, a newer registration, a cancellation and a retry, while someone polls as fast as it goes.
#[tokio::test(flavor = "multi_thread")]
async fn progress_never_goes_backwards_and_ends_when_it_says() {
    let world = World::start().await;
    let ids: Vec<String> = (0..60).map(|n| format!("i{n:02}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let batch = world.register(world.customer, &ids, None).await;
    let working = async {
        for ordinal in 0..30 {
            world.work(batch, ordinal, ordinal % 5 > 0).await;
        }
        world.register(world.customer, &ids[25..40], None).await;
        for ordinal in 40..45 {
            world.work(batch, ordinal, true).await;
        }
        assert_eq!(post(&world, batch, "retry").await.status, 201);
        assert_eq!(post(&world, batch, "cancel").await.status, 200);
    };
    let polling = async {
        let (mut seen, mut polls) = ((0, 0), 0);
        loop {
            let now = world.get(&format!("/batches/{batch}")).await.json;
            let [completed, errors] = ["completed", "errors"].map(|name| now[name].as_i64().unwrap());
            assert!(completed >= seen.0 && errors >= seen.1, "{seen:?} before {now}");
            assert_eq!((completed + errors == 60, now["count"].as_i64()), (now["finished"].is_string(), Some(60)));
            assert!((now["percent"] == 100.0) == now["finished"].is_string(), "{now}");
            (seen, polls) = ((completed, errors), polls + 1);
            if now["finished"].is_string() {
                return (seen, polls);
            }
        }
    };
    let ((), (end, polls)) = tokio::join!(working, polling);
    assert_eq!(end, (29, 31));
    assert!(polls > 5, "{polls} polls saw little");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_batch_of_the_customer_is_neither_cancelled_nor_retried() {
    let world = World::start().await;
    let theirs = world.register(world.other, &["a"], None).await;
    world.work(theirs, 0, false).await;
    for batch in [theirs, BatchId(999_999)] {
        for what in ["cancel", "retry"] {
            assert_eq!(post(&world, batch, what).await.status, 404, "{what}");
        }
    }
    let listed = world.get("/batches").await;
    assert_eq!(listed.json["totalItems"], 0);
}
