//! Batches and queues as clients see them, from acceptance to the end.

use std::time::Duration;

use dlcs_broker::Heard;
use dlcs_messages::Event;
use dlcs_testkit::eventually;
use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{PUBLIC, World};

async fn finished(world: &World, path: &str) -> Value {
    let probe = async || Some(world.get(path).await.json).filter(|batch| batch["finished"].is_string());
    eventually("the batch to finish", Duration::from_secs(10), probe).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_tells_how_it_stands_until_its_end() {
    let world = World::start().await;
    let batch = world.register(world.customer, &["a", "b", "c"], Some("book")).await;
    let path = format!("/batches/{batch}");
    let url = format!("{PUBLIC}/customers/{}/queue{path}", world.customer);
    let first = world.get(&path).await;
    assert_eq!((first.status.as_u16(), first.header("cache-control")), (200, "private, max-age=1"));
    let names: Vec<_> = first.json.as_object().unwrap().keys().map(String::as_str).collect();
    let expected = "@context @id @type submitted label count completed errors superseded cancelled percent queuedFor \
                    images completedImages errorImages assets test retry cancel events";
    assert_eq!(names.join(" "), expected);
    assert_eq!((&first.json["@id"], &first.json["@type"]), (&json!(url), &json!("vocab:Batch")));
    let known = world.request(Method::GET, &path).header("If-None-Match", first.header("etag"));
    assert_eq!(world.send(known).await.status, 304);

    let mut events = world.finished_batches().await;
    world.work(batch, 0, true).await;
    world.work(batch, 1, false).await;
    world.work(batch, 2, true).await;
    let end = finished(&world, &path).await;
    assert_eq!((&end["count"], &end["completed"], &end["errors"]), (&json!(3), &json!(2), &json!(1)));
    assert_eq!((&end["percent"], &end["superseded"]), (&json!(100.0), &json!(false)));
    assert!(end["imagesPerSecond"].as_f64().unwrap() > 0.0 && end.get("estCompletion").is_none(), "{end}");
    let heard = tokio::time::timeout(Duration::from_secs(10), events.next()).await.unwrap();
    assert_eq!(heard, Some(Heard::Event(Event::BatchFinished { batch })));
    let again = world.send(world.request(Method::GET, &path).header("If-None-Match", first.header("etag"))).await;
    assert_eq!((again.status.as_u16(), &again.json["finished"]), (200, &end["finished"]));
    let test = world.send(world.request(Method::POST, &format!("{path}/test"))).await;
    assert_eq!((test.status.as_u16(), test.json), (200, json!({"success": true})));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_images_of_a_batch_are_told_apart() {
    let world = World::start().await;
    let batch = world.register(world.customer, &["a", "b", "c"], None).await;
    world.work(batch, 0, true).await;
    world.work(batch, 1, false).await;
    let newer = world.register(world.customer, &["c"], None).await;
    let list = async |batch, name: &str| world.get(&format!("/batches/{batch}/{name}")).await;
    let assets = list(batch, "assets").await;
    assert_eq!(assets.members("id"), ["a", "b", "c"]);
    assert_eq!(assets.members("state"), ["ready", "error", "error"]);
    assert_eq!(assets.members("errorCode"), [Value::Null, json!("not-an-image"), json!("superseded")]);
    assert_eq!(assets.members("width"), [json!(640), Value::Null, Value::Null]);
    assert_eq!(list(batch, "images").await.members("id"), ["a", "b"]);
    assert_eq!(list(batch, "completedImages").await.members("id"), ["a"]);
    let bad = list(batch, "errorImages").await;
    assert_eq!(bad.members("id"), ["b", "c"]);
    assert_eq!(
        (&bad.json["member"][0]["error"], &bad.json["member"][0]["attempts"]),
        (&json!("the bytes are HTML"), &json!(1))
    );
    assert_eq!(list(newer, "images").await.members("state"), ["waiting"]);
    let page = list(batch, "assets?pageSize=2&page=2").await;
    assert_eq!((page.members("id"), &page.json["totalItems"]), (vec![json!("c")], &json!(3)));
    let url = format!("{PUBLIC}/customers/{}/queue/batches/{batch}/assets", world.customer);
    let expected = json!({
        "@id": format!("{url}?page=2&pageSize=2"), "@type": "PartialCollectionView",
        "first": format!("{url}?page=1&pageSize=2"), "previous": format!("{url}?page=1&pageSize=2"),
        "last": format!("{url}?page=2&pageSize=2"), "page": 2, "pageSize": 2, "totalPages": 2
    });
    assert_eq!(page.json["view"], expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_tells_what_waits() {
    let world = World::start().await;
    let first = world.register(world.customer, &["a", "b"], Some("one")).await;
    let second = world.register(world.customer, &["c"], Some("two")).await;
    let url = format!("{PUBLIC}/customers/{}/queue", world.customer);
    let mut expected = json!({
        "@context": format!("{PUBLIC}/contexts/Queue.jsonld"), "@id": url, "@type": "vocab:Queue",
        "size": 3, "batchesWaiting": 2, "imagesWaiting": 3
    });
    for name in ["batches", "active", "recent", "images", "priority", "events"] {
        expected[name] = json!(format!("{url}/{name}"));
    }
    assert_eq!(world.get("").await.json, expected);
    assert_eq!(world.get("/images").await.members("id"), ["a", "b", "c"]);
    assert_eq!(world.get("/active").await.members("label"), ["two", "one"]);
    world.work(second, 0, true).await;
    finished(&world, &format!("/batches/{second}")).await;
    assert_eq!(world.get("/active").await.members("label"), ["one"]);
    assert_eq!(world.get("/recent").await.members("label"), ["two"]);
    assert_eq!(world.get("/batches").await.members("label"), ["two", "one"]);
    assert_eq!(world.get("/batches?label=one").await.json["totalItems"], 1);
    assert_eq!(world.get("/images").await.members("batch"), vec![json!(format!("{url}/batches/{first}")); 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_sees_what_is_anothers() {
    let world = World::start().await;
    let theirs = world.register(world.other, &["a"], None).await;
    for (path, status) in [
        (format!("/batches/{theirs}"), 404),
        (format!("/batches/{theirs}/assets"), 404),
        ("/batches/999999".to_owned(), 404),
        ("/batches/x".to_owned(), 404),
        (format!("/../../{}/queue", world.other), 403),
        (format!("/../../{}/queue/batches/{theirs}", world.other), 403),
        ("/nothing".to_owned(), 404),
    ] {
        let reply = world.get(&path).await;
        assert_eq!((reply.status.as_u16(), &reply.json["@type"]), (status, &json!("Error")), "{path}: {}", reply.json);
    }
    assert_eq!(world.get("").await.json["size"], 0);
    let anonymous = world.send(world.request_with(Method::GET, "", "wrong")).await;
    assert_eq!(anonymous.status, 401);
}
