//! Registering: batches that come again, immediate registration with a worker in the test's hands, large batches.

use std::time::{Duration, Instant};

use dlcs_db::queue::{claim, fail};
use dlcs_db::{image, item};
use dlcs_messages::Hint;
use dlcs_model::{BatchId, CustomerId, Failure, FailureCode, ImageId, ImageKey, ItemState, SpaceId, Stage};
use dlcs_testkit::eventually;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Key, Reply, World};

fn batch_of(count: usize) -> Value {
    let image = |n: usize| {
        json!({"space": 1, "id": format!("page-{n:05}"), "origin": format!("http://origin.example/{n}.jpg"),
        "string1": "bib343434", "number1": n, "tags": ["page"]})
    };
    json!({"@type": "Collection", "member": (0..count).map(image).collect::<Vec<_>>()})
}

fn batch_number(reply: &Reply) -> BatchId {
    BatchId(reply.json["@id"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap())
}

fn key(world: &World, id: &str) -> ImageKey {
    ImageKey { customer: CustomerId(world.customer as i32), space: SpaceId(1), id: ImageId::new(id).unwrap() }
}

async fn row(world: &World, id: &str) -> image::Image {
    let key = key(world, id);
    let found = eventually("the image's row", Duration::from_secs(10), async || {
        image::get(&mut *world.database().await, &key).await.unwrap()
    });
    found.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_request_in_parallel_is_one_batch() {
    let world = World::start(&[]).await;
    let post = |body: Value| {
        let request = world.request(Method::POST, "/queue", &world.key).header("Idempotency-Key", "book-1").json(&body);
        world.send(request)
    };
    let replies = join_all((0..50).map(|_| post(batch_of(3)))).await;
    let created = replies.iter().filter(|reply| reply.status == 201).count();
    let repeated = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!((created, repeated), (1, 49));
    assert!(replies.iter().all(|reply| reply.json["@id"] == replies[0].json["@id"]));
    assert_eq!(world.get("/spaces/1").await.json["numberOfImages"], 3);
    let other = post(batch_of(4)).await;
    assert_eq!((other.status.as_u16(), &other.json["type"]), (422, &json!("urn:dlcs:problem:idempotency-mismatch")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_a_request_is_the_customers_own_and_has_limits() {
    let world = World::start(&[]).await;
    let (other, stranger) = world.new_customer("other").await;
    world.create(&stranger, &format!("/customers/{other}/spaces"), &json!({"name": "pages"})).await;
    let post = |path: &str, key: &Key, idempotency: &str| {
        let request = world.request(Method::POST, path, key).header("Idempotency-Key", idempotency);
        world.send(request.json(&batch_of(2)))
    };
    let longest = "k ".repeat(127) + "k";
    for key in ["x", "\"a;b,c\" =/~", &longest] {
        let first = post("/queue", &world.key, key).await;
        let again = post("/queue", &world.key, key).await;
        assert_eq!((first.status.as_u16(), again.status.as_u16()), (201, 200), "{key}: {}", again.json);
        assert_eq!(again.json["@id"], first.json["@id"]);
        let theirs = post(&format!("/customers/{other}/queue"), &stranger, key).await;
        assert_eq!(theirs.status, 201, "another customer's key is another key");
        assert_ne!(theirs.json["@id"], first.json["@id"]);
    }
    for wrong in ["", &"k".repeat(256)] {
        let refused = post("/queue", &world.key, wrong).await;
        let expected = vec!["idempotency-key invalid-idempotency-key".to_owned()];
        assert_eq!((refused.status.as_u16(), refused.faults()), (400, expected));
    }
    let faulty = json!({"member": [{"space": 1, "id": "a b", "origin": "http://h/x"}]});
    let request =
        |body: &Value| world.request(Method::POST, "/queue", &world.key).header("Idempotency-Key", "mended").json(body);
    assert_eq!(world.send(request(&faulty)).await.status, 400);
    assert_eq!(world.send(request(&batch_of(1))).await.status, 201, "what was refused used up no key");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_accepted_is_handed_out() {
    let world = World::start(&[]).await;
    let batch = batch_number(&world.post("/queue", &batch_of(2)).await);
    let queued = eventually("both items to be handed out", Duration::from_secs(10), async || {
        let mut db = world.database().await;
        let mut states = Vec::new();
        for ordinal in 0..2 {
            states.push(item::outcome(&mut db, batch, ordinal).await.unwrap().unwrap().item_state);
        }
        (states == [ItemState::Queued; 2]).then_some(())
    });
    queued.await.unwrap();
    let priority = world.post("/queue/priority", &batch_of(1)).await;
    assert_eq!(priority.status, 201);
    let waiting = world.get("/queue/priority").await;
    assert_eq!((&waiting.json["size"], &waiting.json["batchesWaiting"]), (&json!(1), &json!(1)), "{}", waiting.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immediate_registration_that_fails_says_why() {
    let world = World::start(&[]).await;
    let body = json!({"origin": "http://origin.example/a.jpg", "string1": "kept"});
    let put = world.put("/spaces/1/images/a", &body);
    let worker = async {
        let row = row(&world, "a").await;
        let hint = Hint { batch: row.batch, ordinal: 0, generation: row.generation, stage: Stage::Fetch };
        let mut db = world.database().await;
        let claim = claim(&mut db, &hint, "test").await.unwrap().expect("the item can be claimed");
        let failure = Failure::new(FailureCode::OriginNotFound, "the origin answers 404");
        fail(&mut db, &claim, &failure).await.unwrap();
    };
    let (reply, ()) = tokio::join!(put, worker);
    assert_eq!(reply.status, 502, "{}", reply.json);
    assert_eq!(
        (&reply.json["errorCode"], &reply.json["detail"]),
        (&json!("origin-not-found"), &json!("the origin answers 404"))
    );
    assert!(reply.json["@id"].as_str().unwrap().ends_with("/spaces/1/images/a"));
    let image = world.get("/spaces/1/images/a").await.json;
    assert_eq!(
        (&image["ingesting"], &image["errorCode"], &image["string1"]),
        (&json!(false), &json!("origin-not-found"), &json!("kept"))
    );
    assert_eq!(image.get("batch"), None, "an immediate registration has no batch to show");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_not_want_to_wait() {
    let world = World::start(&[]).await;
    let body = json!({"origin": "http://origin.example/a.jpg"});
    let request = |method, path| world.request(method, path, &world.key).json(&body);
    let first = world.send(request(Method::PUT, "/spaces/1/images/a").header("Prefer", "respond-async")).await;
    assert_eq!((first.status.as_u16(), &first.json["ingesting"]), (202, &json!(true)), "{}", first.json);
    let exists = world.post("/spaces/1/images", &json!({"id": "a", "origin": "http://origin.example/b.jpg"})).await;
    assert_eq!(exists.status, 409);
    let started = Instant::now();
    let waited = world.send(request(Method::POST, "/spaces/1/images").header("Prefer", "wait=1")).await;
    assert_eq!((waited.status.as_u16(), waited.json["id"].as_str().unwrap().len()), (202, 36));
    assert!((1.0..5.0).contains(&started.elapsed().as_secs_f64()));
    let deleted = world.send(world.request(Method::DELETE, "/spaces/1/images/a", &world.key)).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(world.get("/spaces/1/images/a").await.status, 404);
    let again = world.send(world.request(Method::DELETE, "/spaces/1/images/a", &world.key)).await;
    assert_eq!(again.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_registration_ends_the_wait_for_an_older_one() {
    let world = World::start(&[]).await;
    let body = json!({"origin": "http://origin.example/a.jpg"});
    let older = world.put("/spaces/1/images/a", &body);
    let newer = async {
        row(&world, "a").await;
        let request = world.request(Method::PUT, "/spaces/1/images/a", &world.key).json(&body);
        world.send(request.header("Prefer", "respond-async")).await
    };
    let (older, newer) = tokio::join!(older, newer);
    assert_eq!((older.status.as_u16(), &older.json["errorCode"]), (409, &json!("superseded")));
    assert_eq!(newer.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_ten_thousand_is_accepted_quickly() {
    let world = World::start(&[]).await;
    let body = batch_of(10_000);
    let started = Instant::now();
    let reply = world.post("/queue", &body).await;
    let took = started.elapsed();
    assert_eq!((reply.status.as_u16(), &reply.json["count"]), (201, &json!(10_000)));
    println!("10,000 members accepted in {} ms", took.as_millis());
    assert!(took < Duration::from_secs(10), "{took:?}");
    let mut wrong = body;
    for member in wrong["member"].as_array_mut().unwrap() {
        member["space"] = json!(2);
    }
    let reply = world.post("/queue", &wrong).await;
    assert_eq!((reply.status.as_u16(), reply.faults().len()), (400, 100));
    assert_eq!(reply.json["detail"], "10000 faults; the first 100 are listed.");
}
