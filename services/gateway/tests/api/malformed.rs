//! A thousand bodies that are wrong in some way: each is answered in the one shape, none with a 5xx.

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::World;

const SEED: u64 = 20_261_123;

/// Values that someone, somewhere, did not expect.
fn odd_value(rng: &mut StdRng, depth: u32) -> Value {
    match rng.random_range(0..20) {
        0 => Value::Null,
        1 => json!(rng.random::<bool>()),
        2 => json!(rng.random::<i64>()),
        3 => json!(rng.random::<f64>() * 1e300),
        4 => json!(u64::MAX),
        5 => json!(""),
        6 => json!("\u{0}"),
        7 => json!("x".repeat(rng.random_range(1..9000))),
        8 => json!("\u{1F600}\u{202E}\u{FFFF}é"),
        9 => json!(format!("{}/1/a", rng.random::<u8>())),
        10 => json!("http://[::1]:99999/x"),
        11 => json!("http://user:pass@host/x"),
        12 => json!("-1"),
        13 => json!("99999999999999999999"),
        14 => json!(["a", 1, null, {}]),
        15 => json!({"a": {"b": ["\u{0}"]}}),
        16 => json!("Collection"),
        17 if depth < 4 => Value::Array((0..rng.random_range(0..5)).map(|_| odd_value(rng, depth + 1)).collect()),
        18 if depth < 4 => odd_object(rng, depth + 1),
        _ => json!("page-1"),
    }
}

fn odd_object(rng: &mut StdRng, depth: u32) -> Value {
    const NAMES: [&str; 34] = [
        "@id",
        "@type",
        "id",
        "modelId",
        "space",
        "origin",
        "initialOrigin",
        "mediaType",
        "string1",
        "number1",
        "tags",
        "roles",
        "maxUnauthorised",
        "metadata",
        "member",
        "hydra:member",
        "members",
        "label",
        "name",
        "displayName",
        "email",
        "password",
        "enabled",
        "defaultTags",
        "defaultRoles",
        "defaultMaxUnauthorised",
        "number3",
        "maximumNumberOfStoredImages",
        "maximumTotalSizeOfStoredImages",
        "string3",
        "file",
        "batch",
        "\u{0}",
        "x",
    ];
    let count = rng.random_range(0..10);
    (0..count).map(|_| (NAMES[rng.random_range(0..NAMES.len())].to_owned(), odd_value(rng, depth))).collect()
}

/// Bytes that are JSON, nearly JSON, or nothing of the kind.
fn odd_body(rng: &mut StdRng) -> Vec<u8> {
    let mut body = match rng.random_range(0..10) {
        0 => odd_value(rng, 0),
        1..=4 => json!({"member": [odd_object(rng, 0), odd_object(rng, 0)]}),
        _ => odd_object(rng, 0),
    }
    .to_string()
    .into_bytes();
    match rng.random_range(0..10) {
        0 => body.truncate(rng.random_range(0..=body.len())),
        1 => (0..rng.random_range(1..5)).for_each(|_| {
            if !body.is_empty() {
                let place = rng.random_range(0..body.len());
                body[place] = rng.random();
            }
        }),
        2 => body = (0..rng.random_range(0..200)).map(|_| rng.random()).collect(),
        3 => body = "[".repeat(rng.random_range(1..200)).into_bytes(),
        _ => {}
    }
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_malformed_bodies_are_refused_politely() {
    let world = World::start(&[]).await;
    let admin = world.admin();
    let created = world.post("/portalUsers", &json!({"email": "a@b.org", "password": "long enough"})).await;
    let user = created.json["@id"].as_str().unwrap().strip_prefix(dlcs_testkit::PUBLIC).unwrap().to_owned();
    let image = json!({"member": [{"space": 1, "id": "a", "origin": "http://origin.example/a.jpg"}]});
    assert_eq!(world.post("/queue", &image).await.status, 201);
    let own = world.path("");
    let paths = [
        (Method::POST, "/customers"),
        (Method::PATCH, own.as_str()),
        (Method::POST, "/keys"),
        (Method::POST, "/spaces"),
        (Method::PUT, "/spaces/1"),
        (Method::PATCH, "/spaces/1"),
        (Method::POST, "/spaces/1/images"),
        (Method::PATCH, "/spaces/1/images"),
        (Method::PUT, "/spaces/1/images/a"),
        (Method::PATCH, "/spaces/1/images/a"),
        (Method::POST, "/allImages"),
        (Method::POST, "/deleteImages"),
        (Method::POST, "/queue"),
        (Method::POST, "/queue/priority"),
        (Method::POST, "/portalUsers"),
        (Method::PATCH, user.as_str()),
        (Method::PUT, "/storagePolicy"),
    ];
    let mut rng = StdRng::seed_from_u64(SEED);
    let mut refused = 0;
    for number in 0..1000 {
        let (method, path) = &paths[number % paths.len()];
        let body = odd_body(&mut rng);
        let shown = String::from_utf8_lossy(&body).into_owned();
        let request = world.request(method.clone(), path, &admin).header("Prefer", "respond-async").body(body);
        let reply = world.send(request).await;
        let what = format!("{number}: {method} {path} {shown}: {} {}", reply.status, reply.json);
        assert!(!reply.status.is_server_error(), "{what}");
        if reply.status.is_client_error() {
            refused += 1;
            assert_eq!(reply.header("content-type"), "application/problem+json", "{what}");
            assert_eq!(reply.json["status"], reply.status.as_u16(), "{what}");
            let listed = reply.json["errors"].as_array().is_some_and(|errors| !errors.is_empty());
            assert!(listed || reply.status != 400, "{what}");
        }
    }
    assert!(refused > 600, "only {refused} bodies were refused");
}
