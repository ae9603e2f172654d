//! Streams of events: complete, in order, resumable anywhere.

use std::time::Duration;

use dlcs_db::api_key::{self, Revoked};
use dlcs_model::BatchId;
use dlcs_testkit::eventually;
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Event, PUBLIC, World};

const ALL: Option<&str> = Some("0");

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

/// The ids of the images that ended, in order.
fn images(events: &[Event]) -> Vec<&str> {
    let images = events.iter().filter(|event| event.name == "image");
    images.map(|event| event.data["id"].as_str().unwrap()).collect()
}

async fn finished(world: &World, batch: BatchId) {
    let path = format!("/batches/{batch}");
    let probe = async || world.get(&path).await.json["finished"].is_string().then_some(());
    eventually("the batch to finish", Duration::from_secs(10), probe).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_followed_to_its_end() {
    let world = World::start().await;
    let batch = world.register(world.customer, &["a", "b"], None).await;
    let path = format!("/batches/{batch}/events");
    let mut stream = world.listen(&path, None).await;
    let url = format!("{PUBLIC}/customers/{}/queue/batches/{batch}", world.customer);
    let first = stream.next().await.unwrap();
    assert_eq!(
        (first.name.as_str(), &first.data["@id"], &first.data["completed"]),
        ("progress", &json!(url), &json!(0))
    );
    world.work(batch, 0, true).await;
    let mut events = stream.until("image").await;
    world.work(batch, 1, false).await;
    events.extend(stream.rest().await);
    assert_eq!(images(&events), ["a", "b"]);
    let bad = events.iter().rfind(|event| event.name == "image").unwrap();
    let image = format!("{PUBLIC}/customers/{}/spaces/1/images/b", world.customer);
    let expected = json!({
        "@context": format!("{PUBLIC}/contexts/Image.jsonld"), "@id": image, "@type": "vocab:Image", "id": "b", "space": 1, "batch": url, "state": "error",
        "errorCode": "not-an-image", "error": "the bytes are HTML"
    });
    assert_eq!(bad.data, expected);
    let done = |event: &Event| event.data["completed"].as_i64().unwrap() + event.data["errors"].as_i64().unwrap();
    let progress: Vec<_> = events.iter().filter(|event| event.name == "progress").map(done).collect();
    assert!(progress.is_sorted() && progress.last() == Some(&2), "{progress:?}");
    let end = events.last().unwrap();
    assert_eq!((end.name.as_str(), &end.data["percent"], &end.data["count"]), ("finished", &json!(100.0), &json!(2)));
    assert!(end.data["finished"].is_string());
    // A browser comes again after the end, with the last id, and is told to stay away.
    let again = world.request(Method::GET, &path).header("Last-Event-ID", stream.id.unwrap());
    assert_eq!(again.send().await.unwrap().status(), 204);
    // Whoever asks for the first time is told the end.
    let mut late = world.listen(&path, None).await;
    assert_eq!(names(&late.rest().await), ["progress", "finished"]);
    let again = world.request(Method::GET, &path).header("Last-Event-ID", late.id.unwrap());
    assert_eq!(again.send().await.unwrap().status(), 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_after_any_event_anywhere() {
    let mut world = World::start().await;
    let ids: Vec<String> = (0..12).map(|n| format!("i{n:02}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let batch = world.register(world.customer, &ids, None).await;
    let path = format!("/batches/{batch}/events");
    for ordinal in 0..11 {
        world.work(batch, ordinal, ordinal % 3 > 0).await;
        if ordinal % 4 == 0 {
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    }
    world.send(world.request(Method::POST, &format!("/batches/{batch}/cancel"))).await;
    finished(&world, batch).await;
    let whole = world.listen(&path, ALL).await.rest().await;
    assert_eq!(images(&whole), ids);
    assert_eq!(whole.iter().filter(|event| event.name == "finished").count(), 1);
    let other = world.replica();
    world.restart();
    for round in 0..2 {
        for (place, event) in whole.iter().enumerate().rev().skip(1) {
            let rest = world.listen(&path, event.id.as_deref()).await.rest().await;
            assert_eq!(rest, whole[place + 1..], "after {:?}, round {round}", event.id);
        }
        if round == 0 {
            world.restart();
        }
    }
    world.switch(other);
    assert_eq!(world.listen(&path, ALL).await.rest().await, whole, "another replica");
    // Where no header can be sent.
    let reply =
        world.request(Method::GET, &format!("{path}?lastEventId=0")).send().await.unwrap().text().await.unwrap();
    assert_eq!(reply.matches("event: image").count(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_tells_of_all_its_batches() {
    let mut world = World::start().await;
    let before = world.register(world.customer, &["x"], Some("before")).await;
    let mut stream = world.listen("/events", None).await;
    assert_eq!(stream.next().await.unwrap().data["label"], "before");
    let batch = world.register(world.customer, &["a", "b"], Some("new")).await;
    let theirs = world.register(world.other, &["secret"], None).await;
    world.work(theirs, 0, true).await;
    let is_new = |event: &Event| event.data["label"] == "new";
    while !is_new(&stream.next().await.unwrap()) {}
    let resume = stream.id.clone();
    drop(stream);
    // The service is away while things happen.
    let away = world.switch(world.replica());
    drop(away);
    world.work(batch, 1, true).await;
    world.work(before, 0, true).await;
    world.work(batch, 0, false).await;
    let mut stream = world.listen("/events", resume.as_deref()).await;
    let mut events = stream.until("finished").await;
    events.extend(stream.until("finished").await);
    let mut ended = images(&events);
    ended.sort_unstable();
    assert_eq!(ended, ["a", "b", "x"]);
    assert!(!format!("{events:?}").contains("secret"));
    // Its end is none of the queue's.
    world.register(world.customer, &["later"], Some("later")).await;
    while stream.next().await.unwrap().data["label"] != "later" {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_registration_is_told_in_both_batches() {
    let world = World::start().await;
    let old = world.register(world.customer, &["a"], None).await;
    let mut stream = world.listen(&format!("/batches/{old}/events"), None).await;
    world.register(world.customer, &["a"], None).await;
    let events = stream.rest().await;
    let image = events.iter().find(|event| event.name == "image").unwrap();
    assert_eq!((&image.data["state"], &image.data["errorCode"]), (&json!("error"), &json!("superseded")));
    assert_eq!(events.last().unwrap().data["superseded"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_live_while_nothing_happens_and_end_with_the_service_or_the_key() {
    let mut world = World::start().await;
    let batch = world.register(world.customer, &["a"], None).await;
    let path = format!("/batches/{batch}/events");
    let mut stream = world.listen(&path, None).await;
    stream.next().await.unwrap();
    let alive = async {
        while stream.beats < 2 {
            let more = tokio::time::timeout(Duration::from_millis(1500), stream.next()).await;
            let done = more.ok().map(|event| event.unwrap().data["completed"] != 0);
            assert!(done != Some(true), "nothing happens but that there is a new batch");
        }
    };
    tokio::time::timeout(Duration::from_secs(10), alive).await.unwrap();
    let last = stream.id.clone();
    world.restart();
    assert_eq!(stream.next().await, None, "a clean end");
    // The state is not told again to a client that has it.
    let mut resumed = world.listen(&path, last.as_deref()).await;
    world.work(batch, 0, true).await;
    assert_eq!(resumed.next().await.unwrap().name, "image");
    let mut queue = world.listen("/events", None).await;
    let revoked = api_key::revoke(&mut *world.db().await, world.customer, "library", &|_| true).await.unwrap();
    assert_eq!(revoked, Revoked::Done);
    let ended = tokio::time::timeout(Duration::from_secs(60), queue.rest()).await;
    ended.expect("whoever may not ask any more is not told any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_streams_see_the_same() {
    let world = World::start().await;
    let ids: Vec<String> = (0..40).map(|n| format!("i{n:02}")).collect();
    let batch = world.register(world.customer, &ids.iter().map(String::as_str).collect::<Vec<_>>(), None).await;
    let path = format!("/batches/{batch}/events");
    let streams = join_all((0..300).map(|_| world.listen(&path, ALL))).await;
    let listening = join_all(streams.into_iter().map(|mut stream| async move { stream.rest().await }));
    let working = async {
        for ordinal in 0..40 {
            world.work(batch, ordinal, true).await;
        }
    };
    let (told, ()) = tokio::join!(listening, working);
    let expected: Vec<_> = told[0].iter().collect();
    assert_eq!(images(&told[0]).len(), 40);
    assert!(told.iter().all(|events| events.iter().collect::<Vec<_>>() == expected));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_followed_is_refused() {
    let world = World::start().await;
    let batch = world.register(world.customer, &["a"], None).await;
    let theirs = world.register(world.other, &["a"], None).await;
    let path = format!("/batches/{batch}/events");
    for id in ["x", "1-2-3", "-1"] {
        let reply = world.send(world.request(Method::GET, &path).header("Last-Event-ID", id)).await;
        assert_eq!((reply.status.as_u16(), reply.faults()), (400, vec!["Last-Event-ID invalid-event-id".to_owned()]));
    }
    assert_eq!(world.get(&format!("/batches/{theirs}/events")).await.status, 404);
    assert_eq!(world.send(world.request_with(Method::GET, &path, "wrong")).await.status, 401);
    let head = world.send(world.request(Method::HEAD, &path)).await;
    assert_eq!(
        (head.status.as_u16(), head.header("content-type"), &head.json),
        (200, "text/event-stream", &Value::Null)
    );
    // An id that no step has yet: nothing is lost by starting at the last.
    let mut ahead = world.listen(&path, Some("999999")).await;
    world.work(batch, 0, true).await;
    assert_eq!(names(&ahead.rest().await), ["image", "progress", "finished"]);
}
