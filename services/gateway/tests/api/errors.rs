//! What is refused, and how: one shape, every fault at once, nothing stored.

use crate::support::{Key, PUBLIC, World};
use dlcs_db::{batch, space};
use dlcs_model::{BatchFilter, CustomerId, SpaceId};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

fn image(id: &str) -> Value {
    json!({"space": 1, "id": id, "origin": "http://origin.example/a.jpg"})
}

async fn nothing_is_stored(world: &World) {
    let (mut db, customer) = (world.database().await, CustomerId(world.customer as i32));
    let all = BatchFilter::default();
    assert_eq!(batch::count(&mut db, customer, batch::Which::All, &all).await.unwrap(), 0);
    assert_eq!(space::get(&mut db, customer, SpaceId(1)).await.unwrap().unwrap().images, 0);
}

async fn check_refusal(request: RequestBuilder, status: u16, kind: &str) {
    let (client, request) = request.build_split();
    let request = request.unwrap();
    let what = format!("{} {}", request.method(), request.url().path());
    let path = request.url().path().to_owned();
    let response = client.execute(request).await.unwrap();
    assert_eq!(response.status(), status, "{what}: {kind}");
    assert_eq!(response.headers()["content-type"], "application/problem+json", "{what}");
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["type"], format!("urn:dlcs:problem:{kind}"), "{what}: {body}");
    assert_eq!((&body["status"], &body["statusCode"]), (&json!(status), &json!(status)), "{what}");
    assert_eq!((&body["@type"], &body["detail"]), (&json!("Error"), &body["description"]), "{what}");
    assert!(!body["title"].as_str().unwrap().is_empty() && !body["detail"].as_str().unwrap().is_empty(), "{what}");
    assert_eq!(body["instance"], path, "{what}");
    assert_eq!(status == 400, body["errors"].as_array().is_some_and(|errors| !errors.is_empty()), "{what}: {body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_has_the_one_shape_and_stores_nothing() {
    let world = World::start(&["--max-body", "10000", "--queue-max-members", "3"]).await;
    let (other, stranger) = world.new_customer("other").await;
    let me = &world.key;
    let wrong = Key(me.0.clone(), "wrong".to_owned());
    let queue = "/queue";
    let own = |method: Method, path: &str| world.request(method, path, me);
    let post = |body: &'static str| own(Method::POST, queue).body(body);
    let members = |members: Value| own(Method::POST, queue).json(&json!({"member": members}));
    let large = format!("{{\"member\": [{{\"string1\": \"{}\"}}]}}", "x".repeat(20_000));
    let theirs = format!("/customers/{other}");
    let cases = vec![
        (400, "malformed-json", post("{\"member\": [oops]}")),
        (400, "malformed-json", post("")),
        (
            400,
            "malformed-json",
            post("{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}"),
        ),
        (400, "invalid-request", post("[]")),
        (400, "invalid-request", post("{}")),
        (400, "invalid-request", members(json!([]))),
        (400, "invalid-request", members(json!([image("a"), image("b"), image("c"), image("d")]))),
        (400, "invalid-request", members(json!([{"space": 9, "origin": "http://h/x"}]))),
        (400, "invalid-request", members(json!([{"space": 1, "id": "a"}]))),
        (400, "invalid-request", members(json!([image("a/b")]))),
        (
            400,
            "invalid-request",
            own(Method::POST, queue).header("Idempotency-Key", "").json(&json!({"member": [image("a")]})),
        ),
        (413, "request-too-large", own(Method::POST, queue).body(large)),
        (415, "unsupported-media-type", own(Method::POST, queue).header("Content-Type", "image/jpeg").body("x")),
        (401, "unauthorized", world.request(Method::POST, queue, &wrong).json(&json!({"member": [image("a")]}))),
        (401, "unauthorized", world.http.post(format!("{}{}", world.root, world.path(queue)))),
        (403, "forbidden", world.request(Method::POST, queue, &stranger).json(&json!({"member": [image("a")]}))),
        (403, "forbidden", own(Method::GET, &theirs)),
        (403, "forbidden", own(Method::GET, "/customers/999999")),
        (403, "forbidden", own(Method::POST, "/customers").json(&json!({"name": "x"}))),
        (404, "not-found", own(Method::GET, "/nowhere")),
        (404, "not-found", own(Method::GET, "/customers/x")),
        (404, "not-found", own(Method::GET, "/spaces/77")),
        (404, "not-found", own(Method::GET, "/spaces/1/images/unknown")),
        (404, "not-found", own(Method::PUT, "/spaces/77/images/a").json(&json!({"origin": "http://h/x"}))),
        (404, "not-found", world.request(Method::GET, "/customers/999999", &world.admin())),
        (400, "invalid-request", own(Method::GET, "/spaces/1/images/a%20b")),
        (400, "invalid-request", own(Method::GET, "/spaces/1/images/a%2Fb")),
        (400, "invalid-request", own(Method::PUT, "/spaces/1/images/a").json(&json!({"string1": "no origin"}))),
        (400, "invalid-request", own(Method::PUT, "/spaces/1/images/a").json(&json!({"origin": "page.jpg"}))),
        (400, "invalid-request", own(Method::POST, "/spaces").json(&json!({"name": " "}))),
        (409, "conflict", own(Method::POST, "/spaces").json(&json!({"name": "pages"}))),
        (409, "conflict", world.request(Method::POST, "/customers", &world.admin()).json(&json!({"name": "LIBRARY"}))),
        (405, "method-not-allowed", own(Method::DELETE, queue)),
    ];
    for (status, kind, request) in cases {
        check_refusal(request, status, kind).await;
    }
    nothing_is_stored(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_faults_of_all_members_come_at_once() {
    let world = World::start(&[]).await;
    let body = json!({"@type": "Collection", "member": [
        image("good"),
        {"space": 1, "id": "page 1", "origin": "gopher://h/x"},
        {"space": 42, "id": "ok"},
        image("good"),
        {"origin": "http://h/x", "number1": "many", "tags": [1], "string2": "x".repeat(4001)},
        {"space": 1, "origin": "http://h/x", "metadata": {"a": "x".repeat(9000)}},
    ]});
    let reply = world.post("/queue", &body).await;
    assert_eq!(reply.status, 400);
    let expected = [
        "/member/1/id invalid-id",
        "/member/1/origin invalid-origin",
        "/member/2/space unknown-space",
        "/member/2/origin missing-origin",
        "/member/3/id duplicate-id",
        "/member/4/string2 too-long",
        "/member/4/number1 wrong-type",
        "/member/4/tags/0 wrong-type",
        "/member/4/space missing-space",
        "/member/5/metadata too-long",
    ];
    assert_eq!(reply.faults(), expected);
    let detail = reply.json["errors"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("' ' at position 5"), "{detail}");
    nothing_is_stored(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_refusal_needs_besides_its_body_is_there() {
    let world = World::start(&[]).await;
    let anonymous = world.send(world.http.get(format!("{}/customers", world.root))).await;
    assert_eq!((anonymous.status.as_u16(), anonymous.header("www-authenticate")), (401, "Basic realm=\"DLCS-API\""));
    let method = world.send(world.request(Method::DELETE, "/spaces", &world.key)).await;
    assert_eq!((method.status.as_u16(), method.header("allow")), (405, "GET, HEAD, POST, OPTIONS"));
    let request = world.request(Method::GET, "/spaces/9", &world.key).header("X-Request-Id", "mine-1");
    assert_eq!(world.send(request).await.header("x-request-id"), "mine-1");
    let nosniff = world.get("/spaces").await;
    assert_eq!(nosniff.header("x-content-type-options"), "nosniff");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_the_answer_is_503_and_nothing_inside_is_shown() {
    let mut world = World::start(&["--database-pool-wait", "1"]).await;
    let path = world.path("/spaces/1");
    assert_eq!(world.get("/spaces/1").await.json["@id"], format!("{PUBLIC}{path}"));
    world.drop_database();
    for request in [
        world.request(Method::GET, "/spaces/1", &world.key),
        world.request(Method::POST, "/queue", &world.key).json(&json!({"member": [image("a")]})),
        world.request(Method::GET, "/spaces/1", &Key("unknown".to_owned(), "x".to_owned())),
    ] {
        let reply = world.send(request).await;
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (503, "5"), "{}", reply.json);
        assert_eq!(reply.json["requestId"], reply.header("x-request-id"));
        let text = reply.json.to_string();
        assert!(!text.contains("dlcs_test") && !text.contains("postgres"), "{text}");
    }
}
