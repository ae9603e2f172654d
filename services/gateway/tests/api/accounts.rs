//! Customers, keys, portal users, spaces and what they may store.

use dlcs_model::FailureCode;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Key, PUBLIC, World};
use crate::worker::serve;

#[tokio::test(flavor = "multi_thread")]
async fn every_link_leads_somewhere() {
    let world = World::start(&[]).await;
    let image = json!({"member": [{"space": 1, "id": "a", "origin": "http://origin.example/a.jpg"}]});
    assert_eq!(world.post("/queue", &image).await.status, 201);
    world.post("/portalUsers", &json!({"email": "a@b.org", "password": "long enough"})).await;
    let strategy = json!({"regex": "http://origin.example/.*", "strategy": "default"});
    assert_eq!(world.post("/originStrategies", &strategy).await.status, 201);
    let mut open = vec![format!("{PUBLIC}{}", world.path(""))];
    let mut seen = Vec::new();
    // Read elsewhere: batches and queues by the status service, images by theirs; contexts are documents.
    let elsewhere = ["/queue", "/iiif-img/", "/thumbs/", "/contexts/", "origin.example", "w3.org", "/customers/1"];
    while let Some(url) = open.pop() {
        let path = url.strip_prefix(PUBLIC).unwrap_or_else(|| panic!("{url} is not below the public root"));
        let ask = || world.client.request(Method::GET, path, &world.key);
        let reply = world.send(ask()).await;
        assert_eq!(reply.status, 200, "{url}: {}", reply.json);
        let again = ask().header("If-None-Match", reply.header("etag"));
        assert_eq!(world.send(again).await.status, 304, "{url}: what is known is not sent again");
        let first: Vec<_> = reply.json.as_object().unwrap().keys().take(3).map(String::as_str).collect();
        assert_eq!((first, &reply.json["@id"]), (vec!["@context", "@id", "@type"], &json!(url)));
        seen.push(url.clone());
        let mut values = vec![&reply.json];
        while let Some(value) = values.pop() {
            match value {
                Value::Null => panic!("{path} has a null: {}", reply.json),
                Value::String(text) if text.starts_with("http") => {
                    let known = seen.contains(text) || open.contains(text);
                    let foreign = elsewhere.iter().any(|part| text.contains(part)) && !text.ends_with("priority");
                    if !known && !foreign {
                        open.push(text.clone());
                    }
                }
                Value::Array(inner) => values.extend(inner),
                Value::Object(inner) => values.extend(inner.values()),
                _ => {}
            }
        }
    }
    assert!(seen.len() >= 14, "{seen:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_has_a_name_for_people() {
    let world = World::start(&[]).await;
    let own = world.path("");
    let patch = |body: Value| world.send(world.request(Method::PATCH, &own, &world.key).json(&body));
    let changed = patch(json!({"displayName": "The Library", "name": "ignored", "administrator": true})).await;
    assert_eq!(changed.status, 200, "{}", changed.json);
    assert_eq!((&changed.json["displayName"], &changed.json["name"]), (&json!("The Library"), &json!("library")));
    assert_eq!(changed.json["administrator"], false);
    assert_eq!(patch(json!({})).await.json, changed.json);
    assert_eq!(patch(json!({"displayName": null})).await.json["displayName"], "library");
    let refused = patch(json!({"displayName": 7})).await;
    assert_eq!((refused.status.as_u16(), refused.faults()), (400, vec!["/displayName wrong-type".to_owned()]));
    let none = world.request(Method::PATCH, "/customers/999999", &world.admin()).json(&json!({"displayName": "x"}));
    assert_eq!(world.send(none).await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_says_when_it_was_used_and_never_its_secret() {
    let world = World::start(&[]).await;
    let path = format!("/keys/{}", world.key.0);
    let own = world.get(&path).await;
    assert_eq!(own.json["key"], world.key.0);
    assert!(own.json["lastUsed"].is_string() && own.json["created"].is_string(), "{}", own.json);
    assert!(!own.json.to_string().contains(&world.key.1));
    for unknown in ["/keys/unknown", "/keys/%00", "/keys/a%00b"] {
        for method in [Method::GET, Method::DELETE] {
            assert_eq!(world.send(world.request(method, unknown, &world.key)).await.status, 404, "{unknown}");
        }
    }
    let (_, stranger) = world.new_customer("other").await;
    let theirs = format!("/keys/{}", stranger.0);
    assert_eq!(world.get(&theirs).await.status, 404, "keys of others are not found");
}

#[tokio::test(flavor = "multi_thread")]
async fn portal_users_come_and_go_and_their_passwords_stay_inside() {
    let world = World::start(&[]).await;
    let body = json!({"email": "Ann@Example.org", "password": "correct horse"});
    let created = world.post("/portalUsers", &body).await;
    assert_eq!(created.status, 201, "{}", created.json);
    let url = created.json["@id"].as_str().unwrap().to_owned();
    assert_eq!((created.header("location"), &created.json["@type"]), (url.as_str(), &json!("vocab:PortalUser")));
    assert_eq!((&created.json["email"], &created.json["enabled"]), (&json!("Ann@Example.org"), &json!(true)));
    let path = url.strip_prefix(PUBLIC).unwrap().to_owned();
    let taken = world.post("/portalUsers", &json!({"email": "ann@example.ORG", "password": "correct horse"})).await;
    assert_eq!(taken.status, 409);
    let faulty = world.post("/portalUsers", &json!({"email": "nobody", "password": "short"})).await;
    let expected = ["/email invalid-email".to_owned(), "/password too-short".to_owned()];
    assert_eq!((faulty.status.as_u16(), faulty.faults()), (400, expected.to_vec()));
    let patch = |body: Value| world.send(world.request(Method::PATCH, &path, &world.key).json(&body));
    let changed = patch(json!({"enabled": false, "password": "battery staple"})).await;
    assert_eq!((changed.status.as_u16(), &changed.json["enabled"]), (200, &json!(false)));
    let listed = world.get("/portalUsers").await;
    assert_eq!((&listed.json["totalItems"], &listed.json["member"][0]["@id"]), (&json!(1), &json!(url)));
    for reply in [&created, &changed, &listed] {
        let text = reply.json.to_string();
        assert!(!text.contains("password") && !text.contains("argon2") && !text.contains("horse"), "{text}");
    }
    let (other, stranger) = world.new_customer("other").await;
    let theirs = path.replace(&world.path(""), &format!("/customers/{other}"));
    for (path, key, status) in [(&theirs, &stranger, 404), (&path, &stranger, 403)] {
        assert_eq!(world.send(world.request(Method::GET, path, key)).await.status, status);
        assert_eq!(world.send(world.request(Method::DELETE, path, key)).await.status, status);
    }
    let deleted = world.send(world.request(Method::DELETE, &path, &world.key)).await;
    assert_eq!(deleted.status, 204);
    assert_eq!(world.get(&path).await.status, 404);
    assert_eq!(patch(json!({"enabled": true})).await.status, 404);
    assert_eq!(world.get("/portalUsers/not-a-uuid").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_is_deleted_when_it_is_empty() {
    let world = World::start(&[]).await;
    let delete = |path: &'static str| world.send(world.request(Method::DELETE, path, &world.key));
    let image = json!({"member": [{"space": 1, "id": "a", "origin": "http://origin.example/a.jpg"}]});
    world.post("/queue", &image).await;
    assert_eq!(delete("/spaces/1").await.status, 409);
    assert_eq!(delete("/spaces/1/images/a").await.status, 204);
    assert_eq!(delete("/spaces/1").await.status, 204);
    assert_eq!((delete("/spaces/1").await.status.as_u16(), world.get("/spaces/1").await.status.as_u16()), (404, 404));
    assert_eq!(world.post("/spaces", &json!({"name": "pages"})).await.json["id"], 2, "the number is not given again");
    assert_eq!(world.put("/spaces/1000000001", &json!({"name": "far"})).await.faults(), ["space out-of-range"]);
    assert_eq!(world.put("/spaces/1000000000", &json!({"name": "far"})).await.status, 201);
    assert_eq!(world.post("/spaces", &json!({"name": "next"})).await.json["id"], 1_000_000_001);
    assert_eq!(world.put("/spaces/1000000001", &json!({"name": "still"})).await.status, 200);
    let taken = world.send(world.request(Method::PATCH, "/spaces/2", &world.key).json(&json!({"name": "far"}))).await;
    assert_eq!(taken.status, 409);
    let unknown = world.send(world.request(Method::PATCH, "/spaces/77", &world.key).json(&json!({"name": "x"}))).await;
    assert_eq!(unknown.status, 404);
}

async fn allow(world: &World, body: Value) {
    let request = world.request(Method::PUT, &world.path("/storagePolicy"), &world.admin()).json(&body);
    let reply = world.send(request).await;
    assert_eq!(reply.status, 200, "{}", reply.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn storage_is_the_sum_over_the_images_and_has_limits() {
    let world = World::start(&[]).await;
    let image = |id: &str| json!({"space": 1, "id": id, "origin": "http://origin.example/a.jpg"});
    let post = |ids: &[&str]| {
        let members: Vec<_> = ids.iter().map(|id| image(id)).collect();
        let request = world.request(Method::POST, "/queue", &world.key).json(&json!({"member": members}));
        world.send(request)
    };
    assert_eq!(post(&["a", "b", "c"]).await.status, 201);
    serve(&world, "a").await;
    serve(&world, "b").await;
    let sums = async |path: &str| {
        let json = world.get(path).await.json;
        let names = ["numberOfStoredImages", "totalSizeOfStoredImages", "totalSizeOfThumbnails"];
        names.map(|name| json[name].as_i64().unwrap())
    };
    assert_eq!(sums("/storage").await, [2, 2000, 200]);
    assert_eq!(sums("/spaces/1/storage").await, [2, 2000, 200]);
    let one = world.get("/spaces/1/images/a/storage").await.json;
    assert_eq!((&one["size"], &one["thumbnailSize"]), (&json!(1000), &json!(100)));
    assert_eq!(world.get("/spaces/1/images/c/storage").await.json["size"], 0);
    world.send(world.request(Method::DELETE, "/spaces/1/images/b", &world.key)).await;
    assert_eq!(sums("/storage").await, [1, 1000, 100]);

    let body = json!({"maximumNumberOfStoredImages": 1});
    let own = world.request(Method::PUT, "/storagePolicy", &world.key).json(&body);
    assert_eq!(world.send(own).await.status, 403);
    allow(&world, json!({"maximumNumberOfStoredImages": "3", "maximumTotalSizeOfStoredImages": 1500})).await;
    allow(&world, json!({})).await;
    let policy = world.get("/storagePolicy").await.json;
    assert_eq!(policy["maximumNumberOfStoredImages"], 3);
    let over = post(&["d", "e"]).await;
    assert_eq!((over.status.as_u16(), &over.json["type"]), (507, &json!("urn:dlcs:problem:over-quota")));
    assert_eq!(over.json["errorCode"], "quota-exceeded");
    assert_eq!(world.get("/spaces/1/images/d").await.status, 404, "nothing is stored");
    assert_eq!(post(&["a", "d"]).await.status, 201);
    let over = world.put("/spaces/1/images/e", &json!({"origin": "http://origin.example/a.jpg"})).await;
    assert_eq!((over.status.as_u16(), &over.json["errorCode"]), (507, &json!("quota-exceeded")));
    assert_eq!(over.json["@id"], format!("{PUBLIC}{}", world.path("/spaces/1/images/e")));

    // Bytes are known when they are there: the image stays and says so.
    serve(&world, "d").await;
    let full = world.get("/spaces/1/images/d").await.json;
    assert_eq!((&full["errorCode"], &full["ingesting"]), (&json!(FailureCode::QuotaExceeded.as_str()), &json!(false)));
    assert_eq!(sums("/storage").await, [1, 1000, 100]);
    allow(&world, json!({"maximumNumberOfStoredImages": null, "maximumTotalSizeOfStoredImages": 1000})).await;
    let over = post(&["f"]).await;
    assert_eq!(over.status, 507, "what is full takes nothing new");
    allow(&world, json!({"maximumTotalSizeOfStoredImages": null})).await;
    assert_eq!(post(&["f"]).await.status, 201);
    let policy = world.get("/storagePolicy").await.json;
    assert_eq!(policy.as_object().unwrap().keys().filter(|key| !key.starts_with('@')).count(), 0, "{policy}");
    let stranger = Key("x".to_owned(), "y".to_owned());
    assert_eq!(world.send(world.request(Method::GET, "/storage", &stranger)).await.status, 401);
}
