//! Stored answers that are asked for again and again.

use std::thread::available_parallelism;

use crate::world::{World, landscape};

const TILE: &str = "/iiif-img/2/3/photo/0,0,512,512/512,512/0/default.jpg";
const THUMBNAIL: &str = "/thumbs/2/3/photo/full/!200,200/0/default.jpg";

/// Enough that each of the service's threads is asked several times, for connections go to one after the other.
fn often() -> usize {
    available_parallelism().unwrap().get() * 4
}

async fn world() -> World {
    let world = World::with(&["--descriptor-ms", "4000"]).await;
    world.publish_photo("photo", &landscape(1300, 900)).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn they_stay_what_they_were_and_are_not_read_again() {
    let world = world().await;
    for path in [TILE, THUMBNAIL] {
        let first = world.get(path).await;
        assert_eq!(first.status, 200);
        let mut reads = Vec::new();
        for _ in 0..often() * 2 {
            let answer = world.get(path).await;
            reads.push(world.metric("dlcs_images_store_reads_total", None));
            assert!(answer.body == first.body);
            for header in
                ["etag", "link", "last-modified", "cache-control", "content-type", "access-control-allow-origin"]
            {
                assert_eq!(answer.header(header), first.header(header));
            }
        }
        // But for a descriptor that was to be read again meanwhile.
        let late = reads[often() * 2 - 1] - reads[often()];
        assert!(late <= 2.0, "{late} reads of {path} in the second half: {reads:?}");
    }
    let kinds = ["tile", "thumbnail"].map(|kind| world.metric("dlcs_images_requests_total", Some(kind)));
    assert_eq!(kinds, [(often() * 2 + 1) as f64; 2], "each is counted as what it is");
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_answered_as_asked() {
    let world = world().await;
    let tag = world.get(TILE).await.header("etag").to_owned();
    for _ in 0..often() {
        assert_eq!(world.get(TILE).await.status, 200);
        let known = world.send("GET", TILE, &[&format!("If-None-Match: {tag}")]).await;
        assert_eq!((known.status, known.body.len(), known.header("etag")), (304, 0, &*tag));
        let head = world.send("HEAD", TILE, &[]).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert!(head.header("content-length").parse::<usize>().unwrap() > 1000);
        let query = world.get(&format!("{TILE}?again=1")).await;
        assert_eq!((query.status, query.header("etag")), (200, &*tag));
        assert_eq!(world.send("POST", TILE, &[]).await.status, 405);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_name_the_host_that_was_asked() {
    let world = World::with(&["--trust-forwarded", "true"]).await;
    world.publish_photo("photo", &landscape(1300, 900)).await;
    for _ in 0..often() {
        for host in ["one.example", "two.example"] {
            let answer = world.send("GET", TILE, &[&format!("X-Forwarded-Host: {host}")]).await;
            assert!(answer.header("link").starts_with(&format!("<http://{host}/iiif-img/2/3/photo/")));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn they_end_with_their_image() {
    let world = World::new().await;
    world.publish_photo("photo", &landscape(1300, 900)).await;
    let mut old = world.get(TILE).await;
    for _ in 0..2 {
        for _ in 0..often() {
            assert!(world.get(TILE).await.body == old.body);
        }
        world.publish_photo("photo", &landscape(1200, 1100)).await;
        tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
        let new = world.get(TILE).await;
        assert!(new.status == 200 && new.header("etag") != old.header("etag"));
        for _ in 0..often() {
            assert_eq!(world.get(TILE).await.header("etag"), new.header("etag"));
        }
        old = new;
    }
    world.publish("photo", "photo.jpg", |descriptor| descriptor.max_unauthorised = 100).await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert_eq!(world.get(TILE).await.status, 401);
    world.unpublish("photo").await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert_eq!(world.get(TILE).await.status, 404);
}
