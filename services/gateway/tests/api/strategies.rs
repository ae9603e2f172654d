//! Origin strategies: credentials go in and never out.

use dlcs_messages::{Found, Probed};
use dlcs_model::FailureCode;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::{PUBLIC, World};

const SECRET: &str = "correct-horse-battery-staple";

fn keys() -> [&'static str; 2] {
    ["--vault-keys", "one:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="]
}

fn ftp() -> Value {
    json!({
        "regex": r"ftp://masters\.example\.org/.*", "strategy": "ftp", "order": 5,
        "credentials": {"user": "library", "password": SECRET}
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn strategies_come_and_go_and_their_credentials_stay_inside() {
    let world = World::start(&keys()).await;
    let created = world.post("/originStrategies", &ftp()).await;
    assert_eq!(created.status, 201, "{}", created.json);
    let url = created.json["@id"].as_str().unwrap().to_owned();
    assert_eq!(created.header("location"), url);
    let built_in = format!("{PUBLIC}/originStrategies/ftp");
    let fields = ["@type", "strategy", "originStrategy", "credentials", "order"].map(|name| created.json[name].clone());
    assert_eq!(
        fields,
        [json!("vocab:CustomerOriginStrategy"), json!(built_in), json!(built_in), json!("xxx"), json!(5)]
    );
    let path = url.strip_prefix(PUBLIC).unwrap().to_owned();

    let put = async |body: Value| world.put(&path, &body).await;
    let mut as_read = created.json.clone();
    as_read["order"] = json!(9);
    let kept = put(as_read).await;
    assert_eq!((kept.status.as_u16(), &kept.json["order"], &kept.json["credentials"]), (200, &json!(9), &json!("xxx")));
    let text = put(json!({"credentials": json!({"user": "other", "password": SECRET}).to_string()})).await;
    assert_eq!((text.status.as_u16(), &text.json["order"]), (200, &json!(9)));
    let other = put(json!({"strategy": "sftp"})).await;
    assert_eq!((other.status.as_u16(), other.faults()), (400, vec!["/credentials missing-credentials".to_owned()]));
    let stale =
        world.request(Method::PUT, &path, &world.key).header("If-Match", "\"stale\"").json(&json!({"order": 1}));
    assert_eq!(world.send(stale).await.status, 412);

    let listed = world.get("/originStrategies").await;
    assert_eq!((&listed.json["totalItems"], &listed.json["member"][0]["@id"]), (&json!(1), &json!(url)));
    for reply in [&created, &kept, &text, &other, &listed, &world.get(&path).await] {
        assert!(!reply.json.to_string().contains(SECRET), "{}", reply.json);
    }
    let delete = || world.send(world.request(Method::DELETE, &path, &world.key));
    assert_eq!((delete().await.status, delete().await.status.as_u16()), (reqwest::StatusCode::NO_CONTENT, 404));
    assert_eq!(world.get(&path).await.status, 404);
    assert_eq!(world.get("/originStrategies/not-a-uuid").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_strategy_is_named() {
    let world = World::start(&keys()).await;
    let faulty = world.post("/originStrategies", &json!({"regex": "(", "strategy": "magic"})).await;
    let expected = ["/regex invalid-regex".to_owned(), "/strategy unknown-strategy".to_owned()];
    assert_eq!((faulty.status.as_u16(), faulty.faults()), (400, expected.to_vec()));
    let without = world.post("/originStrategies", &json!({"regex": "sftp://.*", "strategy": "sftp"})).await;
    assert_eq!(without.faults(), ["/credentials missing-credentials"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_no_credentials_are_stored() {
    let world = World::start(&[]).await;
    let refused = world.post("/originStrategies", &ftp()).await;
    assert_eq!(refused.status, 503, "{}", refused.json);
    assert!(!refused.json.to_string().contains("VAULT"), "that is for the log");
    let open = json!({"regex": "s3://masters/.*", "strategy": format!("{PUBLIC}/originStrategies/s3-ambient")});
    let created = world.post("/originStrategies", &open).await;
    assert_eq!((created.status.as_u16(), created.json.get("credentials")), (201, None), "{}", created.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_is_tried_out_by_a_fetcher() {
    let world = World::start(&[]).await;
    let customer = world.customer;
    world.answer_probes(move |probe| {
        assert_eq!(i64::from(probe.customer.0), customer);
        match probe.origin.as_str() {
            "ftp://good.example/a" => Probed {
                strategy: Some(Uuid::nil()),
                found: Found::Readable { bytes: Some(7), media_type: Some("image/tiff".to_owned()) },
            },
            _ => Probed {
                strategy: None,
                found: Found::Failed { code: FailureCode::OriginNotFound, detail: "not there".to_owned() },
            },
        }
    });
    let good = world.post("/originStrategies/test", &json!({"origin": "ftp://good.example/a"})).await;
    assert_eq!(good.status, 200, "{}", good.json);
    let own = format!("{PUBLIC}/customers/{customer}/originStrategies/{}", Uuid::nil());
    let fields = ["strategy", "readable", "size", "mediaType"].map(|name| good.json[name].clone());
    assert_eq!(fields, [json!(own), json!(true), json!(7), json!("image/tiff")]);
    let bad = world.post("/originStrategies/test", &json!({"origin": "http://bad.example/a"})).await;
    let fields = ["strategy", "readable", "errorCode", "error"].map(|name| bad.json[name].clone());
    let built_in = format!("{PUBLIC}/originStrategies/default");
    assert_eq!(fields, [json!(built_in), json!(false), json!("origin-not-found"), json!("not there")]);
    let faulty = world.post("/originStrategies/test", &json!({"origin": "file:///etc/passwd"})).await;
    assert_eq!((faulty.status.as_u16(), faulty.faults()), (400, vec!["/origin invalid-origin".to_owned()]));
}
