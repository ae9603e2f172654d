//! How often one may ask.

use crate::support::{Key, World};
use reqwest::Method;
use serde_json::json;

fn seconds(reply: &crate::support::Reply) -> u32 {
    assert_eq!((reply.status.as_u16(), &reply.json["type"]), (429, &json!("urn:dlcs:problem:rate-limited")));
    reply.header("retry-after").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_asks_too_often_waits_and_no_other_does() {
    let world = World::start(&["--rate-per-second", "1", "--rate-burst", "20"]).await;
    let mut refused = None;
    for _ in 0..60 {
        let reply = world.get("/spaces/1").await;
        if reply.status != 200 {
            refused = Some(reply);
            break;
        }
    }
    let wait = seconds(&refused.expect("60 requests within a few seconds are too many"));
    assert_eq!(wait, 1);
    let admin = world.send(world.request(Method::GET, "/spaces/1", &world.admin())).await;
    assert_eq!(admin.status, 200, "each key has its own");
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(world.get("/spaces/1").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn guessing_is_slow_and_stops_nobody_who_is_known() {
    let world = World::start(&["--rate-failures-per-minute", "3"]).await;
    let (_, unseen) = world.new_customer("other").await;
    let ask = async |key: &Key| world.send(world.request(Method::GET, "/customers", key)).await;
    let guess = |n: i32| Key(world.key.0.clone(), format!("guess {n}"));
    for n in 0..3 {
        assert_eq!(ask(&guess(n)).await.status, 401);
    }
    let wait = seconds(&ask(&guess(3)).await);
    assert!((1..=20).contains(&wait), "{wait}");
    assert_eq!(ask(&world.key).await.status, 200, "right before, so still looked at");
    seconds(&ask(&unseen).await);
    let nobody = world.send(world.http.get(format!("{}/customers", world.root))).await;
    assert_eq!(nobody.status, 401, "no credentials are no guess");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_limits_nothing_is_refused() {
    let world = World::start(&["--rate-per-second", "0", "--rate-failures-per-minute", "0"]).await;
    let wrong = Key(world.key.0.clone(), "wrong".to_owned());
    for _ in 0..100 {
        assert_eq!(world.send(world.request(Method::GET, "/spaces", &wrong)).await.status, 401);
        assert_eq!(world.get("/spaces/1").await.status, 200);
    }
}
