//! Delivery from a bucket: how many requests it takes, and that what is kept in memory is what is there.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dlcs_imaging::head::Head;
use dlcs_storage::{StorageSettings, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{World, landscape};

/// Heads of the requests that the service has sent to the bucket.
#[derive(Clone, Default)]
struct Requests(Arc<Mutex<Vec<String>>>);

impl Requests {
    /// Those since the last call.
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    /// Those that asked for a range.
    fn ranges(&self) -> Vec<u64> {
        let length = |head: &String| {
            let range = head.lines().find_map(|l| l.to_lowercase().strip_prefix("range: bytes=").map(str::to_owned))?;
            let (first, last) = range.trim().split_once('-')?;
            Some(last.parse::<u64>().unwrap() - first.parse::<u64>().unwrap() + 1)
        };
        self.take().iter().filter_map(length).collect()
    }
}

/// A service over a bucket, and what it asks of it. `DLCS_TEST_S3_ENDPOINT` names a server with the bucket `dlcs-test`;
/// `deploy/local/test` starts one.
async fn bucket(arguments: &[&str]) -> (World, Requests) {
    let endpoint = std::env::var("DLCS_TEST_S3_ENDPOINT").expect("no DLCS_TEST_S3_ENDPOINT: run ./deploy/local/test");
    let requests = Requests::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let between = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(watch(listener, endpoint.trim_start_matches("http://").to_owned(), requests.clone()));
    let mut settings = StorageSettings::folder("/".as_ref());
    settings.storage_url = format!("s3://dlcs-test/run-{}", uuid::Uuid::new_v4().simple());
    settings.storage_access_key = Some("test".to_owned());
    settings.storage_secret_key = Some("test-secret".into());
    settings.storage_endpoint = Some(endpoint);
    let store = Store::connect(&settings).await.unwrap();
    settings.storage_endpoint = Some(between);
    let served = Store::connect(&settings).await.unwrap();
    (World::start(tempfile::tempdir().unwrap(), store, served, arguments), requests)
}

/// Passes connections on and notes the heads of the requests in them; none has a body.
async fn watch(listener: TcpListener, server: String, requests: Requests) {
    while let Ok((near, _)) = listener.accept().await {
        let (server, requests) = (server.clone(), requests.clone());
        tokio::spawn(async move {
            let far = TcpStream::connect(server).await.unwrap();
            let ((mut asks, mut answered), (mut answers, mut asked)) = (near.into_split(), far.into_split());
            let back = tokio::spawn(async move { tokio::io::copy(&mut answers, &mut answered).await });
            let (mut buffer, mut head) = (vec![0; 64 << 10], Vec::new());
            while let Ok(read @ 1..) = asks.read(&mut buffer).await {
                for byte in &buffer[..read] {
                    head.push(*byte);
                    if head.ends_with(b"\r\n\r\n") {
                        requests.0.lock().unwrap().push(String::from_utf8(std::mem::take(&mut head)).unwrap());
                    }
                }
                asked.write_all(&buffer[..read]).await.unwrap();
            }
            back.abort();
        });
    }
}

const TILE: &str = "/iiif-img/2/3/photo/512,512,512,512/512,512/0/default.jpg";

#[tokio::test(flavor = "multi_thread")]
async fn a_tile_takes_three_reads_and_then_none() {
    let (world, requests) = bucket(&["--descriptor-ms", "4000"]).await;
    let descriptor = world.publish_photo("photo", &landscape(2000, 1500)).await;
    let first = world.get(TILE).await;
    assert_eq!(first.status, 200);
    let asked = requests.take();
    assert_eq!(asked.len(), 3, "descriptor, head, tile: {asked:?}");
    assert!(asked.iter().all(|head| head.starts_with("GET ")));
    let read = world.metric("dlcs_images_store_read_bytes_total", None) as u64;
    let body = first.body.len() as u64;
    assert!(read - body - descriptor.head_length < 4096, "the descriptor is the rest of {read}");
    let stored = world.store.get(&descriptor.derivative).await.unwrap();
    let range = Head::parse(&stored).unwrap().tile(0, 1, 1).unwrap();
    assert!(first.body == stored[range.offset as usize..][..range.length as usize]);
    for _ in 0..3 {
        assert!(world.get(TILE).await.body == first.body);
    }
    let thumbnail = "/thumbs/2/3/photo/full/400,300/0/default.jpg";
    let once = world.get(thumbnail).await.body;
    assert_eq!(requests.ranges().len(), 1, "of the thumbnail");
    assert!(world.get(thumbnail).await.body == once);
    assert!(requests.ranges().is_empty());
    assert_eq!(world.metric("dlcs_images_blocks_total", Some("kept")), 4.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn neighbouring_tiles_are_read_together_and_used_again() {
    let (world, requests) = bucket(&[]).await;
    world.publish_photo("photo", &landscape(2000, 1500)).await;
    // Six tiles in two rows.
    assert_eq!(world.get("/iiif-img/2/3/photo/100,100,1200,800/1000,/0/default.jpg").await.status, 200);
    let ranges = requests.ranges();
    assert!(ranges.len() <= 3, "the head, and each row at once: {ranges:?}");
    for path in [
        "600,50,800,900/700,/0/default.png",
        "0,0,1500,1000/1400,/90/gray.webp",
        "512,512,512,512/512,512/0/default.jpg",
    ] {
        assert_eq!(world.get(&format!("/iiif-img/2/3/photo/{path}")).await.status, 200, "{path}");
        assert!(requests.ranges().is_empty(), "{path} is made of tiles that were read");
    }
    let whole = world.get("/iiif-img/2/3/photo/0,0,2000,1000/1900,/0/default.jpg").await;
    assert_eq!(whole.status, 200);
    assert!(requests.ranges().len() <= 2, "only the last column is missing");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_at_once_read_once() {
    let (world, requests) = bucket(&[]).await;
    world.publish_photo("photo", &landscape(2000, 1500)).await;
    assert_eq!(world.get("/iiif-img/2/3/photo/0,0,512,512/512,512/0/default.jpg").await.status, 200);
    requests.take();
    let answers = futures::future::join_all((0..16).map(|_| world.get(TILE))).await;
    assert!(answers.iter().all(|a| a.status == 200 && a.body == answers[0].body));
    assert_eq!(requests.ranges().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_not_served_without_its_descriptor() {
    let (world, _) = bucket(&[]).await;
    let descriptor = world.publish_photo("photo", &landscape(2000, 1500)).await;
    let old = world.get(TILE).await.body;
    world.publish_photo("photo", &landscape(1800, 1400)).await;
    world.store.delete(&descriptor.derivative).await.unwrap();
    becomes(&world, "it shows the new one", async |w| w.get(TILE).await.body != old).await;
    world.unpublish("photo").await;
    becomes(&world, "it is gone", async |w| w.get(TILE).await.status == 404).await;
}

/// Within the time that the API promises.
async fn becomes(world: &World, what: &str, check: impl AsyncFn(&World) -> bool) {
    let started = Instant::now();
    while !check(world).await {
        assert!(started.elapsed() < Duration::from_secs(5), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_bounded() {
    let (world, requests) = bucket(&["--block-cache-mb", "1", "--descriptor-ms", "4000"]).await;
    // Noise, so that each of the tiles is large.
    let noise = image::RgbImage::from_fn(2048, 2048, |x, y| {
        let n = (x.wrapping_mul(0x9E37_79B9) ^ y.wrapping_mul(0x85EB_CA6B)).wrapping_mul(0xC2B2_AE35);
        image::Rgb([(n >> 24) as u8, (n >> 16) as u8, (n >> 8) as u8])
    });
    world.publish_photo("photo", &noise).await;
    let mut sent = 0;
    for (column, row) in (0..4).flat_map(|row| (0..4).map(move |column| (column, row))).chain([(0, 0), (1, 0)]) {
        let path = format!("/iiif-img/2/3/photo/{},{},512,512/512,512/0/default.jpg", column * 512, row * 512);
        sent += world.get(&path).await.body.len();
        // Evictions happen a moment after what caused them.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(sent > 2 << 20, "{sent}");
    assert!(world.metric("dlcs_images_blocks_total", Some("read")) >= 16.0);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(world.get(TILE).await.status, 200);
    assert_eq!(world.get(TILE).await.status, 200);
    let kept = world.metric("dlcs_images_block_cache_bytes", None);
    assert!(kept > 0.0 && kept <= f64::from(1 << 20), "{kept}");
    assert!(requests.ranges().len() >= 17, "the head and sixteen tiles");
    let (world, requests) = bucket(&["--block-cache-mb", "0", "--descriptor-ms", "4000"]).await;
    world.publish_photo("photo", &landscape(2000, 1500)).await;
    for _ in 0..3 {
        assert_eq!(world.get(TILE).await.status, 200);
    }
    assert_eq!(requests.ranges().len(), 4, "nothing is kept");
}
