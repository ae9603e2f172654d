//! What goes well: the resources as clients see them.

use crate::support::{PUBLIC, World};
use reqwest::Method;
use serde_json::{Value, json};

/// A body with its times replaced, for comparing; each must have the one form of a time.
fn timeless(mut body: Value) -> Value {
    for name in ["created", "queued", "submitted", "finished"] {
        if let Some(time) = body.get_mut(name) {
            let text = time.as_str().unwrap();
            assert!(text.len() == 27 && text.ends_with('Z'), "{name}: {text}");
            *time = json!("T");
        }
    }
    body
}

fn first_names(body: &Value) -> Vec<&str> {
    body.as_object().unwrap().keys().take(3).map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_finds_its_way_from_the_entry_point() {
    let world = World::start(&[]).await;
    let (c, url) = (world.customer, format!("{PUBLIC}/customers/{}", world.customer));
    let entry = world.send(world.http.get(&world.root)).await;
    let expected = json!({
        "@context": format!("{PUBLIC}/contexts/EntryPoint.jsonld"), "@id": format!("{PUBLIC}/"),
        "@type": "vocab:EntryPoint", "customers": format!("{PUBLIC}/customers"),
        "originStrategies": format!("{PUBLIC}/originStrategies"),
        "imageOptimisationPolicies": format!("{PUBLIC}/imageOptimisationPolicies"),
        "thumbnailPolicies": format!("{PUBLIC}/thumbnailPolicies"), "documentation": format!("{PUBLIC}/vocab")
    });
    assert_eq!((entry.status.as_u16(), entry.json), (200, expected));
    let customer = world.get(&format!("/customers/{c}")).await;
    assert_eq!(first_names(&customer.json), ["@context", "@id", "@type"]);
    let expected = json!({
        "@context": format!("{PUBLIC}/contexts/Customer.jsonld"), "@id": url, "@type": "vocab:Customer",
        "name": "library", "displayName": "A library", "administrator": false, "created": "T",
        "keys": format!("{url}/keys"), "spaces": format!("{url}/spaces"), "queue": format!("{url}/queue"),
        "allImages": format!("{url}/allImages"), "originStrategies": format!("{url}/originStrategies"),
        "portalUsers": format!("{url}/portalUsers"), "namedQueries": format!("{url}/namedQueries"),
        "storage": format!("{url}/storage")
    });
    assert_eq!(timeless(customer.json), expected);
    let own = world.get("/customers").await;
    assert_eq!((&own.json["totalItems"], &own.json["member"][0]["@id"]), (&json!(1), &json!(url)));
    let all = world.send(world.request(Method::GET, "/customers?pageSize=1", &world.admin())).await;
    assert_eq!((&all.json["totalItems"], &all.json["view"]["totalPages"]), (&json!(2), &json!(2)));
    let name = std::fs::read_to_string(world.store.path().join("names/library")).unwrap();
    assert_eq!(name, c.to_string(), "the image service finds the number behind the name");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_and_go() {
    let world = World::start(&[]).await;
    let second = world.post("/keys", &Value::Null).await;
    let (key, secret) = (second.json["key"].as_str().unwrap(), second.json["secret"].as_str().unwrap());
    let second_key = crate::support::Key(key.to_owned(), secret.to_owned());
    assert_eq!(world.send(world.request(Method::GET, "/spaces", &second_key)).await.status, 200);
    let listed = world.get("/keys").await;
    assert_eq!(listed.json["totalItems"], 2);
    assert!(!listed.json.to_string().contains("secret"), "{}", listed.json);
    let path = format!("/keys/{key}");
    assert_eq!(world.send(world.request(Method::DELETE, &path, &world.key)).await.status, 204);
    assert_eq!(world.send(world.request(Method::DELETE, &path, &world.key)).await.status, 404);
    assert_eq!(world.send(world.request(Method::GET, "/spaces", &second_key)).await.status, 401);
    let admin = world.admin();
    let listed = world.send(world.request(Method::GET, "/customers", &admin)).await;
    let root = listed.json["member"][0]["@id"].as_str().unwrap().strip_prefix(PUBLIC).unwrap().to_owned();
    let last = world.send(world.request(Method::DELETE, &format!("{root}/keys/{}", admin.0), &admin)).await;
    assert_eq!((last.status.as_u16(), last.faults()), (400, vec!["key last-key".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_is_created_changed_and_listed() {
    let world = World::start(&[]).await;
    let url = format!("{PUBLIC}{}/spaces/2", world.path(""));
    let body = json!({"name": "maps", "defaultTags": ["map"], "maxUnauthorised": "400"});
    let created = world.post("/spaces", &body).await;
    assert_eq!((created.status.as_u16(), created.header("location")), (201, url.as_str()));
    let expected = json!({
        "@context": format!("{PUBLIC}/contexts/Space.jsonld"), "@id": url, "@type": "vocab:Space",
        "id": 2, "name": "maps", "created": "T", "defaultTags": ["map"], "defaultRoles": [],
        "defaultMaxUnauthorised": 400, "maxUnauthorised": 400, "numberOfImages": 0, "approximateNumberOfImages": 0,
        "images": format!("{url}/images"), "storage": format!("{url}/storage")
    });
    assert_eq!(timeless(created.json), expected);
    let changed = world.put("/spaces/2", &json!({"name": "atlases", "maxUnauthorised": null})).await;
    assert_eq!((changed.status.as_u16(), &changed.json["defaultMaxUnauthorised"]), (200, &json!(-1)));
    assert_eq!((&changed.json["name"], &changed.json["defaultTags"]), (&json!("atlases"), &json!(["map"])));
    assert_eq!(world.put("/spaces/7", &json!({"name": "seven"})).await.status, 201);
    assert_eq!(world.post("/spaces", &json!({"name": "eight"})).await.json["id"], 8);
    let listed = world.get("/spaces?pageSize=3&page=2").await;
    assert_eq!((&listed.json["totalItems"], &listed.json["member"][0]["id"]), (&json!(4), &json!(8)));
    let first = world.get("/spaces/2").await;
    let again = world.request(Method::GET, "/spaces/2", &world.key).header("If-None-Match", first.header("etag"));
    assert_eq!(world.send(again).await.status, 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_accepted_and_its_images_can_be_read_at_once() {
    let world = World::start(&[]).await;
    let body = json!({
        "@context": "", "@type": "hydra:Collection", "label": "book 1",
        "hydra:member": [
            {"space": "1", "modelId": "a-b", "origin": "http://origin.example/1.jpg", "string1": "bib343434",
             "number1": "7", "tags": ["cover"], "metadata": {"z": 1, "a": [null]}},
            {"space": 1, "origin": "s3://bucket/2.tif"},
        ]
    });
    // As `curl -d` sends it.
    let request = world.request(Method::POST, "/queue", &world.key).body(body.to_string());
    let accepted = world.send(request.header("Content-Type", "application/x-www-form-urlencoded")).await;
    assert_eq!(accepted.status, 201, "{}", accepted.json);
    let batch = accepted.json["@id"].as_str().unwrap().to_owned();
    assert_eq!(accepted.header("location"), batch);
    let mut expected = json!({
        "@context": format!("{PUBLIC}/contexts/Batch.jsonld"), "@id": batch, "@type": "vocab:Batch",
        "submitted": "T", "label": "book 1", "count": 2, "completed": 0, "errors": 0, "superseded": false,
        "cancelled": false, "percent": 0.0, "queuedFor": 0.0
    });
    for name in ["images", "completedImages", "errorImages", "assets", "test", "retry", "cancel", "events"] {
        expected[name] = json!(format!("{batch}/{name}"));
    }
    let mut shown = timeless(accepted.json);
    shown["queuedFor"] = json!(0.0);
    assert_eq!(shown, expected);

    let image = world.get("/spaces/1/images/a%2Db").await;
    let url = format!("{PUBLIC}{}", world.path("/spaces/1/images/a-b"));
    let (iiif, thumbs) =
        (format!("{PUBLIC}/iiif-img/{}/1/a-b", world.customer), format!("{PUBLIC}/thumbs/{}/1/a-b", world.customer));
    let expected = json!({
        "@context": format!("{PUBLIC}/contexts/Image.jsonld"), "@id": url, "@type": "vocab:Image",
        "id": "a-b", "space": 1, "origin": "http://origin.example/1.jpg", "string1": "bib343434", "string2": "",
        "string3": "", "number1": 7, "number2": 0, "number3": 0, "tags": ["cover"], "roles": [],
        "maxUnauthorised": -1, "metadata": {"z": 1, "a": [null]}, "created": "T", "queued": "T", "ingesting": true,
        "attempts": 0, "batch": batch, "infoJson": format!("{iiif}/info.json"), "imageService": iiif,
        "thumbnailImageService": thumbs, "storage": format!("{url}/storage")
    });
    assert_eq!(timeless(image.json), expected);
    assert_eq!(world.get("/spaces/1").await.json["numberOfImages"], 2);
    let head = world.request(Method::HEAD, "/spaces/1/images/a-b", &world.key);
    let head = world.send(head).await;
    assert_eq!((head.status.as_u16(), head.json), (200, Value::Null));
}
