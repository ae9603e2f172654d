//! What one client may have composed, and that it is nobody else's trouble.

use crate::world::{Answer, World, landscape};

const OVER: &str = "dlcs_images_client_over_total";

/// A service in which a client may have `megapixels` composed.
async fn world(megapixels: &str, arguments: &[&str]) -> World {
    let world = World::with(&[&["--client-megapixels", megapixels], arguments].concat()).await;
    world.publish_photo("photo", &landscape(1300, 900)).await;
    world
}

/// Takes 3.9 to 4.0 million pixels: 1.17 million are read. Each number is another answer.
fn large(number: u32) -> String {
    format!("/iiif-img/2/3/photo/full/^{},/0/default.jpg", 2000 + number)
}

async fn statuses(world: &World, numbers: impl IntoIterator<Item = u32>) -> Vec<u16> {
    let paths = numbers.into_iter().map(large);
    let answers: Vec<Answer> = futures::future::join_all(paths.map(async |path| world.get(&path).await)).await;
    answers.iter().map(|answer| answer.status).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_had_its_share_waits() {
    let world = world("10", &["--client-limit", "enforce"]).await;
    assert_eq!(statuses(&world, [0, 1]).await, [200, 200]);
    let refused = world.get(&large(2)).await;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (429, "*"));
    assert_eq!(refused.json()["type"], "urn:dlcs:problem:rate-limited");
    // About 2.1 million are left, of 3.96 million that it takes; a million comes back in a minute.
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((100..=120).contains(&wait), "{wait}");
    assert!(refused.text().contains(&format!("in {wait} s")), "{}", refused.text());
    assert_eq!(world.metric(OVER, Some("refused")), 1.0);
    for (path, what) in [
        ("iiif-img/2/3/photo/full/^2000,/0/default.jpg", "kept"),
        ("iiif-img/2/3/photo/0,0,512,512/512,512/0/default.jpg", "a tile"),
        ("thumbs/2/3/photo/full/400,277/0/default.jpg", "a thumbnail"),
        ("iiif-img/2/3/photo/info.json", "no image"),
        ("iiif-img/2/3/photo/10,10,600,600/300,/90/gray.png", "small"),
    ] {
        assert_eq!(world.get(&format!("/{path}")).await.status, 200, "{what}");
    }
    let known = format!("If-None-Match: {}", world.get(&large(0)).await.header("etag"));
    assert_eq!(world.send("GET", &large(0), &[&known]).await.status, 304);
    let forged = world.send("GET", &large(2), &["X-Forwarded-For: 203.0.113.9"]).await;
    assert_eq!(forged.status, 429, "nobody vouches for the address");
    assert_eq!(world.metric("dlcs_images_requests_total", Some("429")), 2.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_client_has_its_own_share() {
    let world = world("5", &["--client-limit", "enforce", "--trust-forwarded", "true"]).await;
    let ask = async |number, from: &str| {
        world.send("GET", &large(number), &[&format!("X-Forwarded-For: {from}")]).await.status
    };
    assert_eq!((ask(0, "203.0.113.1").await, ask(1, "203.0.113.1").await), (200, 429));
    assert_eq!(ask(1, "198.51.100.7, 203.0.113.1").await, 429, "what it says of itself does not count");
    assert_eq!((ask(2, "203.0.113.2").await, ask(3, "2001:db8::1:0:0:1").await), (200, 200));
    assert_eq!(ask(4, "2001:db8::2:0:0:2").await, 429, "the same network");
    assert_eq!(ask(2, "203.0.113.1").await, 200, "made for somebody else");
    assert_eq!(world.get(&large(5)).await.status, 200, "without the header it is the one who asks");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_answer_is_too_large_for_ever() {
    let world = world("3", &["--client-limit", "enforce"]).await;
    assert_eq!(statuses(&world, [0]).await, [200], "a full share is enough for anything");
    let refused = world.get(&large(1)).await;
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!(refused.status == 429 && (700..=800).contains(&wait), "until it is full again: {wait}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_to_what_is_being_made_takes_nothing() {
    let world = world("5", &["--client-limit", "enforce"]).await;
    assert_eq!(statuses(&world, [0; 8]).await, [200; 8]);
    assert_eq!(statuses(&world, [1]).await, [429]);
}

#[tokio::test(flavor = "multi_thread")]
async fn observed_clients_are_counted_and_served() {
    let observed = world("5", &[]).await;
    assert_eq!(statuses(&observed, 0..4).await, [200; 4]);
    assert_eq!((observed.metric(OVER, Some("observed")), observed.metric(OVER, Some("refused"))), (3.0, 0.0));
    let unlimited = world("0", &["--client-limit", "enforce"]).await;
    assert_eq!(statuses(&unlimited, 0..4).await, [200; 4]);
}
