//! The client in Wellcome's iiif-builder: registers, polls with `/test`, queries by `q`, follows `next`.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::{indented, send, world};

const JSON: (&str, &str) = ("Content-Type", "application/json; charset=utf-8");
const HEADERS: [(&str, &str); 3] = [
    JSON,
    ("x-correlation-id", "7a5c5e0e-0a8e-4f2f-9a52-0b5b6f1e6f3a"),
    ("x-dds-call-context-id", "2d6cf0ab-3d5b-4cd1-a2b2-6e5f3f1e9f60"),
];

#[tokio::test(flavor = "multi_thread")]
async fn it_registers_polls_and_queries() {
    let (world, origin) = world().await;
    let image = |n: i64| {
        json!({
            "id": format!("b1234_{n:04}.jp2"), "space": world.space, "origin": format!("{origin}/{n}.jpg"),
            "maxUnauthorised": -1, "tags": [], "string1": "b1234", "string2": "", "string3": "b1234_0001",
            "number1": 0, "number2": n, "number3": 0, "mediaType": "image/jp2", "family": "I", "roles": [],
            "deliveryChannels": [{"channel": "iiif-img", "policy": "default"}]
        })
    };
    let body = json!({
        "@context": "http://www.w3.org/ns/hydra/context.jsonld", "@type": "Collection",
        "member": [image(1), image(2), image(3)]
    });
    let (status, batch) = send(&world.client, Method::POST, &world.queue(), &HEADERS, &indented(&body)).await;
    assert_eq!(status, 201, "{batch}");
    for name in ["count", "completed", "errors"] {
        assert!(batch[name].is_i64(), "{name}: {batch}");
    }
    assert!(batch["submitted"].is_string() && batch["superseded"].is_boolean(), "{batch}");

    // What is polled, and `/test` after each poll, without a body.
    let url = batch["@id"].as_str().unwrap();
    let number = url.rsplit('/').next().unwrap();
    let ended = tokio::time::timeout(Duration::from_secs(60), async {
        loop {
            let path = format!("{}/batches/{number}/test", world.queue());
            let (status, tested) = send(&world.client, Method::POST, &path, &[], "").await;
            assert_eq!((status, &tested["success"]), (200, &json!(true)));
            let batch = world.client.get(url).await.unwrap();
            if batch["finished"].is_string() {
                return batch;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    });
    let ended = ended.await.unwrap();
    assert_eq!((&ended["completed"], &ended["errors"]), (&json!(3), &json!(0)), "{ended}");

    // The query is an indented object; `next` is followed until there is none.
    let query = indented(&json!({"string1": "b1234", "string3": "b1234_0001"}));
    let encoded: String = query.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let images = format!("/customers/{}/spaces/{}/images", world.customer, world.space);
    let mut next = Some(format!("{images}?q={encoded}&pageSize=2"));
    let mut found = Vec::new();
    while let Some(page) = next {
        let page = world.client.get(&page).await.unwrap();
        found.extend(page["member"].as_array().unwrap().clone());
        next = page["view"]["next"].as_str().map(str::to_owned);
    }
    let mut numbers: Vec<_> = found.iter().map(|image| image["number2"].as_i64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3]);
    reads_images(&found);

    // A single image is read by its id, fetched again without a body.
    let again =
        send(&world.client, Method::POST, &format!("{images}/b1234_0001.jp2/reingest"), &HEADERS[1..], "").await;
    assert_eq!((again.0, &again.1["ingesting"]), (200, &json!(false)), "{}", again.1);
}

/// What the client makes of an image.
fn reads_images(images: &[Value]) {
    for image in images {
        for name in ["id", "@id", "imageService", "thumbnailImageService", "created", "finished", "batch", "origin"] {
            assert!(image[name].is_string(), "{name}: {image}");
        }
        for name in ["space", "number1", "number2", "number3", "width", "height", "maxUnauthorised"] {
            assert!(image[name].is_i64(), "{name}: {image}");
        }
        for name in ["tags", "roles"] {
            assert!(image[name].is_array(), "{name}: {image}");
        }
        // A string or nothing for the client, which reads it of sound and video only.
        assert!(image.get("metadata").is_none(), "{image}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_understands_a_refusal() {
    let (world, _) = world().await;
    let body = json!({"@type": "Collection", "member": [{"id": "a", "space": world.space}]});
    let (status, problem) = send(&world.client, Method::POST, &world.queue(), &HEADERS, &indented(&body)).await;
    assert_eq!((status, &problem["@type"], &problem["statusCode"]), (400, &json!("Error"), &json!(400)));
    for name in ["title", "description", "detail", "type"] {
        assert!(problem[name].is_string(), "{name}: {problem}");
    }
}
