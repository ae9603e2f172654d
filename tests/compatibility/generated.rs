//! The client that is generated from today's API: no prefixes, `members`, `modelId`, numbers and nulls for everything.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{send, world};

#[tokio::test(flavor = "multi_thread")]
async fn names_without_prefixes_are_understood() {
    let (world, origin) = world().await;
    let body = json!({
        "id": null, "withContext": true, "context": "http://www.w3.org/ns/hydra/context.jsonld", "type": "Collection",
        "totalItems": 1, "pageSize": null, "view": null,
        "members": [{
            "context": null, "type": "vocab:Image", "modelId": "page-1", "customerId": world.customer,
            "space": world.space.to_string(), "origin": format!("{origin}/1.jpg"), "maxUnauthorised": null,
            "tags": null, "string1": "b1", "string2": null, "number1": "7", "number2": null, "width": null,
            "created": null, "queued": null, "ingesting": null, "error": null, "mediaType": "image/jpeg", "family": "I",
            "deliveryChannels": [], "imageOptimisationPolicy": null, "thumbnailPolicy": null
        }]
    });
    let json = [("Content-Type", "application/json")];
    let (status, batch) = send(&world.client, Method::POST, &world.queue(), &json, &body.to_string()).await;
    assert_eq!(status, 201, "{batch}");
    let image = world.client.get(&world.image("page-1")).await.unwrap();
    assert_eq!((&image["string1"], &image["number1"], &image["tags"]), (&json!("b1"), &json!(7), &json!([])));
    for name in ["images", "completedImages", "errorImages", "test"] {
        assert!(batch[name].is_string(), "{name}: {batch}");
    }
    let queue = world.client.get(&world.queue()).await.unwrap();
    for (name, kind) in [
        ("size", "n"),
        ("batchesWaiting", "n"),
        ("imagesWaiting", "n"),
        ("batches", "s"),
        ("images", "s"),
        ("active", "s"),
        ("recent", "s"),
        ("priority", "s"),
    ] {
        assert_eq!(queue[name].is_i64(), kind == "n", "{name}: {queue}");
        assert_eq!(queue[name].is_string(), kind == "s", "{name}: {queue}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_that_is_emitted_leads_somewhere() {
    let (world, origin) = world().await;
    let batch = world.post(&[("a".to_owned(), format!("{origin}/1.jpg"))]).await.unwrap();
    let batch = world.client.finished(&batch, std::time::Duration::from_secs(60)).await.unwrap();
    let customer = world.client.get(&format!("/customers/{}", world.customer)).await.unwrap();
    let space = world.client.get(&format!("/customers/{}/spaces/{}", world.customer, world.space)).await.unwrap();
    let resources = [
        world.client.get("/").await.unwrap(),
        world.client.get(&world.queue()).await.unwrap(),
        world.client.get(&world.image("a")).await.unwrap(),
        batch,
        customer,
        space,
    ];
    let mut dead = Vec::new();
    for resource in &resources {
        for (name, value) in resource.as_object().unwrap() {
            let Some(url) = value.as_str().filter(|url| url.starts_with(world.client.root())) else { continue };
            let reply = world.client.request(Method::GET, url).send().await.unwrap().status();
            // What only does something can be called all the same; events are a stream.
            let known = reply.is_success() || reply == 405 || reply.is_redirection();
            if !known {
                dead.push(format!("{}.{name}: {url} answers {reply}", resource["@type"]));
            }
        }
    }
    assert!(dead.is_empty(), "{dead:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_can_be_sent_back() {
    let (world, origin) = world().await;
    let path = world.image("round");
    let made = world
        .client
        .send(Method::PUT, &path, Some(&json!({"origin": format!("{origin}/1.jpg"), "string1": "x"})))
        .await
        .unwrap();
    assert_eq!(made.status, 201, "{}", made.json);
    let mut body = made.json.clone();
    body["string2"] = json!("y");
    let again = world.client.send(Method::PUT, &path, Some(&body)).await.unwrap();
    assert_eq!(
        (again.status.as_u16(), &again.json["string1"], &again.json["string2"]),
        (200, &json!("x"), &json!("y"))
    );
    let space = format!("/customers/{}/spaces/{}", world.customer, world.space);
    let mut read: Value = world.client.get(&space).await.unwrap();
    read["defaultTags"] = json!(["t"]);
    let changed = world.client.send(Method::PUT, &space, Some(&read)).await.unwrap();
    assert_eq!((changed.status.as_u16(), &changed.json["defaultTags"]), (200, &json!(["t"])), "{}", changed.json);
}
