//! Changing images: one by one, in bulk, with conditions; and what the image service sees of it.

use std::time::Duration;

use dlcs_model::{Failure, FailureCode};
use dlcs_testkit::eventually;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{PUBLIC, Reply, World};
use crate::worker::{descriptor, fail_with, serve};

async fn patch(world: &World, path: &str, body: &Value) -> Reply {
    world.send(world.request(Method::PATCH, path, &world.key).json(body)).await
}

/// Registers images in a batch and makes them all be served.
async fn served(world: &World, ids: &[&str]) {
    let image = |id: &&str| json!({"space": 1, "id": id, "origin": format!("http://origin.example/{id}.jpg")});
    let members: Vec<_> = ids.iter().map(image).collect();
    assert_eq!(world.post("/queue", &json!({"member": members})).await.status, 201);
    for id in ids {
        serve(world, id).await;
    }
}

const IMAGE: &str = "/spaces/1/images/a";

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_changes_what_it_says_and_fetches_only_a_new_origin() {
    let world = World::start(&[]).await;
    assert_eq!(patch(&world, IMAGE, &json!({"string1": "x"})).await.status, 404);
    served(&world, &["a"]).await;
    let before = world.get(IMAGE).await.json;
    assert_eq!((&before["ingesting"], &before["size"]), (&json!(false), &json!(1000)));
    // A client may send back what it read.
    let mut body = before.clone();
    body["string1"] = json!("new");
    body["number2"] = json!("7");
    body["metadata"] = json!({"a": 1});
    let changed = patch(&world, IMAGE, &body).await;
    assert_eq!(changed.status, 200, "{}", changed.json);
    let mut expected = before.clone();
    (expected["string1"], expected["number2"]) = (json!("new"), json!(7));
    expected["metadata"] = json!({"a": 1});
    assert_eq!(changed.json, expected, "nothing else moves: no attempt, no date, no batch");
    let reset = patch(&world, IMAGE, &json!({"string1": null, "number2": null, "metadata": null})).await;
    assert_eq!(reset.json, before);
    let refused = patch(&world, IMAGE, &json!({"origin": null, "space": 2, "number1": []})).await;
    let expected = ["/space space-mismatch", "/number1 wrong-type", "/origin missing-origin"];
    assert_eq!((refused.status.as_u16(), refused.faults()), (400, expected.map(str::to_owned).to_vec()));

    let body = json!({"origin": "http://origin.example/new.jpg", "string2": "moved"});
    let (moved, fetched) = tokio::join!(patch(&world, IMAGE, &body), serve(&world, "a"));
    assert_eq!((moved.status.as_u16(), fetched.as_str()), (200, "http://origin.example/new.jpg"), "{}", moved.json);
    assert_eq!((&moved.json["ingesting"], &moved.json["string2"]), (&json!(false), &json!("moved")));
    assert_ne!(moved.json["finished"], before["finished"]);
    let body = json!({"origin": "http://origin.example/gone.jpg"});
    let failure = Failure::new(FailureCode::OriginNotFound, "the origin answers 404");
    let (failed, _) = tokio::join!(patch(&world, IMAGE, &body), fail_with(&world, "a", &failure));
    assert_eq!((failed.status.as_u16(), &failed.json["errorCode"]), (502, &json!("origin-not-found")));
}

#[tokio::test(flavor = "multi_thread")]
async fn null_gives_every_field_its_default_on_put() {
    let world = World::start(&[]).await;
    world.put("/spaces/1", &json!({"defaultTags": ["dt"], "defaultRoles": ["dr"], "maxUnauthorised": 400})).await;
    let fresh = json!({"origin": "http://origin.example/a.jpg"});
    let mut full = json!({
        "initialOrigin": "http://origin.example/first.jpg", "mediaType": "image/x", "string1": "1", "string2": "2",
        "string3": "3", "number1": 1, "number2": 2, "number3": 3, "tags": ["t"], "roles": ["r"],
        "maxUnauthorised": 10, "metadata": {"a": 1}
    });
    let nulls: serde_json::Map<_, _> = full.as_object().unwrap().keys().map(|k| (k.clone(), Value::Null)).collect();
    full["origin"] = fresh["origin"].clone();
    let put = async |body: &Value| {
        let request = world.request(Method::PUT, IMAGE, &world.key).header("Prefer", "respond-async").json(body);
        let mut reply = world.send(request).await;
        assert_eq!(reply.status, 202, "{}", reply.json);
        for moving in ["queued", "created", "@context"] {
            reply.json.as_object_mut().unwrap().remove(moving);
        }
        reply.json
    };
    let first = put(&fresh).await;
    assert_eq!((&first["tags"], &first["maxUnauthorised"]), (&json!(["dt"]), &json!(400)));
    let changed = put(&full).await;
    assert_eq!((&changed["metadata"], &changed["initialOrigin"]), (&full["metadata"], &full["initialOrigin"]));
    assert_eq!(put(&json!({})).await, changed, "what is not said keeps its value");
    assert_eq!(put(&Value::Object(nulls)).await, first, "null is what a new image has that says nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn access_that_changes_is_seen_by_the_image_service() {
    let world = World::start(&[]).await;
    served(&world, &["a", "b"]).await;
    let before = descriptor(&world, "a").unwrap();
    assert_eq!((before.max_unauthorised, before.roles.len()), (-1, 0));
    assert_eq!(patch(&world, IMAGE, &json!({"maxUnauthorised": "200", "roles": ["staff"]})).await.status, 200);
    let after = descriptor(&world, "a").unwrap();
    assert_eq!((after.max_unauthorised, after.roles.as_slice()), (200, ["staff".to_owned()].as_slice()));
    assert_eq!((after.derivative, after.generation), (before.derivative, before.generation), "what is served stays");
    let both = json!({"member": [{"id": "a", "roles": []}, {"id": "b", "maxUnauthorised": 0}]});
    assert_eq!(patch(&world, "/spaces/1/images", &both).await.status, 200);
    let (a, b) = (descriptor(&world, "a").unwrap(), descriptor(&world, "b").unwrap());
    assert_eq!((a.max_unauthorised, a.roles.len(), b.max_unauthorised), (200, 0, 0));
    // Registered again: what may be seen meanwhile follows at once, on PUT as in a batch.
    let origin = json!("http://origin.example/a.jpg");
    let put = world.request(Method::PUT, IMAGE, &world.key).header("Prefer", "respond-async");
    world.send(put.json(&json!({"origin": origin, "maxUnauthorised": 0}))).await;
    assert_eq!(descriptor(&world, "a").unwrap().max_unauthorised, 0);
    world.post("/queue", &json!({"member": [{"space": 1, "id": "b", "origin": origin, "roles": ["r"]}]})).await;
    let followed = eventually("the descriptor to follow the batch", Duration::from_secs(10), async || {
        descriptor(&world, "b").filter(|descriptor| descriptor.roles == ["r"])
    });
    followed.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_fetched_again_as_it_is() {
    let world = World::start(&[]).await;
    let again = || world.send(world.request(Method::POST, "/spaces/1/images/a/reingest", &world.key));
    assert_eq!(again().await.status, 404);
    assert_eq!(world.get(IMAGE).await.status, 404, "nothing was made by asking");
    let body = json!({
        "origin": "http://origin.example/a.jpg", "initialOrigin": "http://origin.example/first.jpg", "string1": "kept"
    });
    let (put, first) = tokio::join!(world.put(IMAGE, &body), serve(&world, "a"));
    assert_eq!((put.status.as_u16(), first.as_str()), (201, "http://origin.example/first.jpg"));
    assert_eq!((put.header("location"), &put.json["ingesting"]), (put.json["@id"].as_str().unwrap(), &json!(false)));
    let (reply, second) = tokio::join!(again(), serve(&world, "a"));
    assert_eq!((reply.status.as_u16(), second.as_str()), (200, "http://origin.example/a.jpg"), "{}", reply.json);
    assert_eq!((&reply.json["string1"], &reply.json["ingesting"]), (&json!("kept"), &json!(false)));
    let cases = [
        (FailureCode::OriginTimeout, 502),
        (FailureCode::NotAnImage, 422),
        (FailureCode::TooLarge, 413),
        (FailureCode::QuotaExceeded, 507),
    ];
    for (code, status) in cases {
        let mut failure = Failure::new(code, "because");
        failure.class = dlcs_model::RetryClass::Permanent;
        let (reply, _) = tokio::join!(again(), fail_with(&world, "a", &failure));
        assert_eq!((reply.status.as_u16(), &reply.json["errorCode"]), (status, &json!(code.as_str())));
        assert_eq!(reply.json["@id"], format!("{PUBLIC}{}", world.path(IMAGE)));
        assert_eq!(world.get(IMAGE).await.json["errorCode"], code.as_str());
    }
    let request = world.request(Method::POST, "/spaces/1/images/a/reingest", &world.key);
    assert_eq!(world.send(request.header("Prefer", "respond-async")).await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_images_are_found_changed_and_deleted_by_their_ids() {
    let world = World::start(&[]).await;
    served(&world, &["a", "b", "c"]).await;
    let full = |id: &str| format!("{}/1/{id}", world.customer);
    let url = format!("{PUBLIC}{}", world.path("/spaces/1/images/c"));
    let ids = json!({"@type": "Collection", "member": [
        {"id": full("b")}, {"@id": url}, {"id": full("unknown")}, {"modelId": "a", "space": "1"}, {"id": full("b")}
    ]});
    let found = world.post("/allImages", &ids).await;
    assert_eq!((found.status.as_u16(), &found.json["totalItems"]), (200, &json!(3)), "{}", found.json);
    assert_eq!(found.members("id"), [json!("b"), json!("c"), json!("a")]);
    assert_eq!((found.json["@type"].as_str(), found.json.get("view")), (Some("Collection"), None));

    let change = |ids: &[&str]| {
        let member: Vec<_> = ids.iter().map(|id| json!({"id": id, "string3": "bulk", "tags": ["t"]})).collect();
        json!({"member": member})
    };
    let refused = patch(&world, "/spaces/1/images", &change(&["a", "nope", "b", "never"])).await;
    let expected = ["/member/1/id unknown-image".to_owned(), "/member/3/id unknown-image".to_owned()];
    assert_eq!((refused.status.as_u16(), refused.faults()), (404, expected.to_vec()));
    assert_eq!(world.get(IMAGE).await.json["string3"], "", "all or nothing");
    let changed = patch(&world, "/spaces/1/images", &change(&["c", &full("a")])).await;
    assert_eq!((changed.status.as_u16(), changed.members("id")), (200, vec![json!("c"), json!("a")]));
    assert_eq!(changed.members("string3"), ["bulk", "bulk"]);
    assert_eq!(patch(&world, "/spaces/7/images", &change(&["a"])).await.status, 404);
    let many: Vec<String> = (0..1001).map(|n| format!("i{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let refused = patch(&world, "/spaces/1/images", &change(&many)).await;
    assert_eq!((refused.status.as_u16(), refused.faults()), (400, vec!["/member too-many".to_owned()]));
    for path in ["/allImages", "/deleteImages"] {
        let refused = world.post(path, &change(&many)).await;
        assert_eq!((refused.status.as_u16(), refused.faults()), (400, vec!["/member too-many".to_owned()]), "{path}");
    }
    let body = json!({"member": [{"id": "a", "origin": "http://h/x"}, {"id": "a"}, {}]});
    let refused = patch(&world, "/spaces/1/images", &body).await;
    let expected = ["/member/0/origin origin-not-allowed", "/member/2/id missing-id"];
    assert_eq!((refused.status.as_u16(), refused.faults()), (400, expected.map(str::to_owned).to_vec()));

    let doomed = json!({"member": [{"id": full("a")}, {"id": full("b")}, {"id": full("unknown")}]});
    let deleted = world.post("/deleteImages", &doomed).await;
    assert_eq!(
        (deleted.status.as_u16(), deleted.json),
        (200, json!({"deleted": 2, "message": "2 images were deleted."}))
    );
    assert_eq!((descriptor(&world, "a"), descriptor(&world, "b")), (None, None), "their service is gone");
    assert!(descriptor(&world, "c").is_some());
    assert_eq!(world.get(IMAGE).await.status, 404);
    assert_eq!(world.post("/deleteImages", &doomed).await.status, 404);
    let foreign = world.post("/deleteImages", &json!({"member": [{"id": "999/1/c"}]})).await;
    assert_eq!((foreign.status.as_u16(), foreign.faults()), (400, vec!["/member/0/id invalid-id".to_owned()]));
    assert_eq!(world.get("/spaces/1").await.json["numberOfImages"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_believed_to_be_there_is_changed() {
    let world = World::start(&[]).await;
    served(&world, &["a"]).await;
    let user = world.post("/portalUsers", &json!({"email": "a@b.org", "password": "long enough"})).await;
    let user = user.header("location").strip_prefix(PUBLIC).unwrap().to_owned();
    let own = world.path("");
    let key = format!("/keys/{}", world.key.0);
    let bodies = [
        (Method::PATCH, own.as_str(), json!({"displayName": "x"})),
        (Method::PATCH, user.as_str(), json!({"enabled": false})),
        (Method::PUT, "/spaces/1", json!({"name": "x"})),
        (Method::PATCH, "/spaces/1", json!({"name": "y"})),
        (Method::PATCH, IMAGE, json!({"string1": "x"})),
        (Method::PATCH, IMAGE, json!({"origin": "http://origin.example/other.jpg"})),
        (Method::PUT, IMAGE, json!({"string1": "y"})),
        (Method::POST, "/spaces/1/images/a/reingest", Value::Null),
        (Method::DELETE, user.as_str(), Value::Null),
        (Method::DELETE, IMAGE, Value::Null),
        (Method::DELETE, "/spaces/1", Value::Null),
        (Method::DELETE, key.as_str(), Value::Null),
    ];
    for (method, path, body) in bodies {
        let resource = path.strip_suffix("/reingest").unwrap_or(path);
        let before = world.get(resource).await;
        let request = |tag: &str| {
            let request = world.request(method.clone(), path, &world.key).header("If-Match", tag);
            request.header("Prefer", "respond-async").json(&body)
        };
        let refused = world.send(request("\"someone-elses\"")).await;
        assert_eq!(refused.status, 412, "{method} {path}: {}", refused.json);
        assert_eq!(refused.json["type"], "urn:dlcs:problem:precondition-failed");
        assert_eq!(world.get(resource).await.json, before.json, "{method} {path}");
        let done = world.send(request(before.header("etag"))).await;
        assert!(done.status.is_success(), "{method} {path}: {} {}", done.status, done.json);
    }
    let admin = world.admin();
    let policy = |tag: &str| {
        let body = json!({"maximumNumberOfStoredImages": 1});
        world.request(Method::PUT, &world.path("/storagePolicy"), &admin).header("If-Match", tag).json(&body)
    };
    assert_eq!(world.send(policy("\"x\"")).await.status, 412);
    assert_eq!(world.send(policy("*")).await.status, 200);
    let new = world.request(Method::PUT, "/spaces/9", &admin).header("If-Match", "*").json(&json!({"name": "new"}));
    assert_eq!(world.send(new).await.status, 412, "there is nothing that could match");
}
