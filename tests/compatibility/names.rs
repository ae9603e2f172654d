//! Names of both generations, prefixes, content types.

use reqwest::Method;
use serde_json::json;

use crate::{send, world};

#[tokio::test(flavor = "multi_thread")]
async fn both_generations_find_their_names() {
    let (world, origin) = world().await;
    let body = json!({"origin": format!("{origin}/1.jpg")});
    let image = world.client.send(Method::PUT, &world.image("a"), Some(&body)).await.unwrap();
    assert_eq!(image.status, 201, "{}", image.json);
    let service = image.json["imageService"].as_str().unwrap();
    assert_eq!(image.json["infoJson"], format!("{service}/info.json"));
    let (status, _, info) = world.client.bytes(image.json["infoJson"].as_str().unwrap()).await.unwrap();
    assert_eq!(status, 200);
    let info: serde_json::Value = serde_json::from_slice(&info).unwrap();
    assert_eq!(info["width"], image.json["width"]);
    let (status, headers, _) = world.client.bytes(image.json["thumbnail400"].as_str().unwrap()).await.unwrap();
    assert_eq!((status.as_u16(), &headers["content-type"]), (200, &"image/jpeg".parse().unwrap()));

    let spaces = format!("/customers/{}/spaces", world.customer);
    for (n, name) in ["defaultMaxUnauthorised", "maxUnauthorised"].into_iter().enumerate() {
        let space = world.client.create(&spaces, &json!({"name": format!("s{n}"), name: "300"})).await.unwrap();
        assert_eq!((&space["defaultMaxUnauthorised"], &space["maxUnauthorised"]), (&json!(300), &json!(300)));
        assert_eq!((&space["numberOfImages"], &space["approximateNumberOfImages"]), (&json!(0), &json!(0)));
    }
    let strategies = world.client.get("/originStrategies").await.unwrap();
    for strategy in strategies["member"].as_array().unwrap() {
        assert!(strategy["requiresCredentials"].is_boolean() && strategy["name"].is_string(), "{strategy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_come_in_every_dress() {
    let (world, origin) = world().await;
    for (n, (kind, name)) in
        [("Collection", "member"), ("hydra:Collection", "hydra:member"), ("", "members")].into_iter().enumerate()
    {
        let image = json!({"space": world.space, "id": format!("d{n}"), "origin": format!("{origin}/1.jpg")});
        let mut body = json!({"@context": "", "@type": kind, name: [image]});
        if kind.is_empty() {
            body.as_object_mut().unwrap().remove("@type");
        }
        let batch = world.client.create(&world.queue(), &body).await.unwrap();
        assert_eq!(batch["count"], 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_is_read_as_json_whatever_it_is_called() {
    let (world, origin) = world().await;
    for (n, kind) in [
        "application/json",
        "application/ld+json",
        "application/x-www-form-urlencoded",
        "text/plain; charset=utf-8",
        "application/octet-stream",
        "",
    ]
    .into_iter()
    .enumerate()
    {
        let image = json!({"space": world.space, "id": format!("k{n}"), "origin": format!("{origin}/1.jpg")});
        let headers = [("Content-Type", kind)];
        let headers = if kind.is_empty() { &headers[..0] } else { &headers[..] };
        let body = json!({"member": [image]}).to_string();
        let (status, batch) = send(&world.client, Method::POST, &world.queue(), headers, &body).await;
        assert_eq!(status, 201, "{kind}: {batch}");
    }
    for kind in ["image/jpeg", "multipart/form-data; boundary=x"] {
        let (status, _) = send(&world.client, Method::POST, &world.queue(), &[("Content-Type", kind)], "{}").await;
        assert_eq!(status, 415, "{kind}");
    }
}
