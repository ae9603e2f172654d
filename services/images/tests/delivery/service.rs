//! What is around the pixels: information, headers, conditions, refusals, freshness, limits.

use std::time::{Duration, Instant};

use crate::world::{World, key, landscape};
use dlcs_storage::StorageKey;
use serde_json::json;

const V2_PROFILE: &str = "Accept: application/ld+json;profile=\"http://iiif.io/api/image/2/context.json\"";

#[tokio::test(flavor = "multi_thread")]
async fn information_in_both_versions() {
    let world = World::new().await;
    world.publish_photo("photo", &landscape(1300, 900)).await;
    let base = format!("{}/iiif-img/2/3/photo", world.root());
    let plain = world.get("/iiif-img/2/3/photo/info.json").await;
    let info = plain.json();
    assert_eq!(info["id"], base);
    assert_eq!((&info["type"], &info["profile"]), (&json!("ImageService3"), &json!("level2")));
    assert_eq!((&info["width"], &info["height"]), (&json!(1300), &json!(900)));
    assert_eq!(info["tiles"], json!([{ "width": 512, "height": 512, "scaleFactors": [1, 2, 4] }]));
    assert_eq!(info["sizes"].as_array().unwrap().len(), 4);
    assert_eq!(plain.header("content-type"), "application/ld+json;profile=\"http://iiif.io/api/image/3/context.json\"");
    assert_eq!(plain.header("vary"), "Accept");
    assert_eq!(plain.header("access-control-allow-origin"), "*");

    let json = world.send("GET", "/iiif-img/2/3/photo/info.json", &["Accept: application/json"]).await;
    assert_eq!(json.header("content-type"), "application/json");
    assert!(json.header("link").contains("json-ld#context"));
    assert_ne!(json.header("etag"), plain.header("etag"));

    for (path, accept) in
        [("/iiif-img/v2/2/3/photo/info.json", "Accept: */*"), ("/iiif-img/2/3/photo/info.json", V2_PROFILE)]
    {
        let info = world.send("GET", path, &[accept]).await.json();
        assert_eq!(info["@id"], format!("{}/iiif-img/v2/2/3/photo", world.root()), "2.1 is spoken there");
        assert_eq!(info["profile"][0], "http://iiif.io/api/image/2/level2.json");
    }
    assert_eq!(
        world.json("/iiif-img/v3/2/3/photo/info.json").await["id"],
        format!("{}/iiif-img/v3/2/3/photo", world.root())
    );
    let escaped = world.json("/iiif-img/2/3/ph%6Fto/info.json").await;
    assert_eq!(escaped["id"], base, "one image, one id");
    for size in info["sizes"].as_array().unwrap() {
        let path = format!("/iiif-img/2/3/photo/full/{},{}/0/default.jpg", size["width"], size["height"]);
        assert_eq!(world.get(&path).await.status, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_base_leads_to_the_information() {
    let world = World::new().await;
    world.publish_photo("photo", &landscape(300, 200)).await;
    for base in ["/iiif-img/2/3/photo", "/iiif-img/v2/2/3/photo", "/thumbs/2/3/photo"] {
        let answer = world.get(base).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("location"), format!("{}{base}/info.json", world.root()));
    }
    assert_eq!(world.get("/iiif-img/2/3/absent").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_carry_what_caches_and_viewers_need() {
    let world = World::new().await;
    world.publish_photo("photo", &landscape(1300, 900)).await;
    let tile = "/iiif-img/2/3/photo/0,0,512,512/512,512/0/color.jpg";
    for path in [tile, "/iiif-img/2/3/photo/full/333,/0/default.png", "/iiif-img/2/3/photo/full/400,277/0/default.jpg"]
    {
        let first = world.get(path).await;
        assert_eq!(first.status, 200);
        let tag = first.header("etag").to_owned();
        assert!(tag.starts_with('"') && tag.ends_with('"'), "{tag}");
        assert_eq!(first.header("last-modified"), "Tue, 14 Nov 2023 22:13:20 GMT");
        assert_eq!(first.header("cache-control"), "public, max-age=3600");
        assert_eq!(first.header("content-length"), first.body.len().to_string());

        let head = world.send("HEAD", path, &[]).await;
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), first.body.len().to_string());
        assert_eq!(head.header("etag"), tag);

        for line in [
            format!("If-None-Match: {tag}"),
            format!("If-None-Match: \"x\", W/{tag}"),
            "If-None-Match: *".to_owned(),
            "If-Modified-Since: Tue, 14 Nov 2023 22:13:20 GMT".to_owned(),
        ] {
            let known = world.send("GET", path, &[&line]).await;
            assert_eq!((known.status, known.body.len()), (304, 0), "{line}");
            assert_eq!(known.header("etag"), tag);
        }
        for line in ["If-None-Match: \"x\"", "If-Modified-Since: Mon, 13 Nov 2023 22:13:20 GMT"] {
            assert_eq!(world.send("GET", path, &[line]).await.status, 200, "{line}");
        }
    }
    let links = world.get(tile).await.header("link").to_owned();
    let canonical = format!("<{}/iiif-img/2/3/photo/0,0,512,512/max/0/default.jpg>;rel=\"canonical\"", world.root());
    assert_eq!(links, format!("{canonical}, <http://iiif.io/api/image/3/level2.json>;rel=\"profile\""));
    let same = world.get("/iiif-img/2/3/photo/0,0,512,512/pct:100/360/default.jpg").await;
    assert_eq!(same.header("etag"), world.get(tile).await.header("etag"), "one tag for one answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn preflights_and_other_methods() {
    let world = World::new().await;
    let options = world.send("OPTIONS", "/iiif-img/2/3/photo/info.json", &["Origin: http://viewer"]).await;
    assert_eq!(options.status, 204);
    assert_eq!(options.header("access-control-allow-origin"), "*");
    assert!(options.header("access-control-allow-methods").contains("GET"));
    let post = world.send("POST", "/iiif-img/2/3/photo/info.json", &["Content-Length: 0"]).await;
    assert_eq!((post.status, post.header("allow")), (405, "GET, HEAD, OPTIONS"));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_have_one_shape() {
    let world = World::new().await;
    world.publish_photo("photo", &landscape(300, 200)).await;
    let absent = world.get("/iiif-img/2/3/absent/full/max/0/default.jpg").await;
    for path in [
        "/iiif-img/2/3/[frob]/full/max/0/default.jpg",
        "/iiif-img/2/3/a/b/full/max/0/default.jpg",
        "/iiif-img/2/3/a%2Fb/full/max/0/default.jpg",
        "/iiif-img/2/3/%2e%2e/info.json",
        "/iiif-img/2/3/a%00b/info.json",
        "/iiif-img/2/999/photo/info.json",
        "/iiif-img/999/3/photo/info.json",
        "/iiif-img/0/3/photo/info.json",
        "/iiif-img/-2/3/photo/info.json",
        "/iiif-img/2/3x/photo/info.json",
        "/iiif-img/nobody/3/photo/info.json",
        "/iiif-img/%2e%2e/3/photo/info.json",
        "/nothing",
    ] {
        let answer = world.get(path).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.json()["detail"], absent.json()["detail"], "{path}: nothing tells why");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
    }
    let path = "/iiif-img/2/3/photo/full/%5E9000,/0/default.jpg";
    let answer = world.send("GET", path, &["X-Request-Id: abc-1"]).await;
    let problem = answer.json();
    assert_eq!((&problem["status"], &problem["statusCode"]), (&json!(400), &json!(400)));
    assert_eq!((&problem["@type"], &problem["instance"]), (&json!("Error"), &json!(path)));
    assert_eq!(problem["detail"], problem["description"]);
    assert!(problem["detail"].as_str().unwrap().contains("maxWidth 5000"), "{problem}");
    assert_eq!(problem["errors"][0]["code"], "over-limit");
    assert_eq!(answer.header("x-request-id"), "abc-1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_may_be_named() {
    let world = World::new().await;
    world.publish_photo("photo", &landscape(300, 200)).await;
    let key = StorageKey::CustomerName("Wellcome");
    world.store.put(&key.to_string(), key.media_type(), "2".into()).await.unwrap();
    let info = world.json("/iiif-img/wellcome/3/photo/info.json").await;
    assert_eq!(info["id"], format!("{}/iiif-img/wellcome/3/photo", world.root()));
    assert_eq!(world.get("/iiif-img/WellCome/3/photo/full/max/0/default.jpg").await.status, 200);
    assert_eq!(world.get("/iiif-img/other/3/photo/info.json").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn thumbnails_are_a_service_of_fixed_sizes() {
    let world = World::new().await;
    let descriptor = world.publish_photo("photo", &landscape(1300, 900)).await;
    let info = world.json("/thumbs/2/3/photo/info.json").await;
    assert_eq!((&info["profile"], &info["width"], &info["height"]), (&json!("level0"), &json!(1024), &json!(709)));
    assert!(info.get("tiles").is_none());
    for thumbnail in &descriptor.thumbnails {
        let stored = world.store.get(&thumbnail.key).await.unwrap();
        let (w, h, edge) = (thumbnail.width, thumbnail.height, thumbnail.edge);
        for size in [format!("{w},{h}"), format!("!{edge},{edge}"), format!("{w},")] {
            for path in [
                format!("/thumbs/2/3/photo/full/{size}/0/default.jpg"),
                format!("/iiif-img/2/3/photo/full/{size}/0/default.jpg"),
            ] {
                let answer = world.get(&path).await;
                assert_eq!(answer.status, 200, "{path}");
                assert!(answer.body == stored, "{path} is the stored thumbnail");
            }
        }
    }
    let largest = world.pixels("/thumbs/v2/2/3/photo/full/max/0/default.jpg").await;
    assert_eq!(largest.width(), 1024);
    for path in [
        "full/300,/0/default.jpg",
        "0,0,512,512/512,512/0/default.jpg",
        "full/400,277/90/default.jpg",
        "full/400,277/0/default.png",
    ] {
        assert_eq!(world.get(&format!("/thumbs/2/3/photo/{path}")).await.status, 400, "{path}");
    }
    world.publish_pixels("small", landscape(60, 40)).await;
    assert_eq!(world.json("/thumbs/2/3/small/info.json").await["sizes"], json!([{ "width": 60, "height": 40 }]));
    assert_eq!(world.pixels("/thumbs/2/3/small/full/max/0/default.jpg").await.width(), 60);
    assert_eq!(world.pixels("/iiif-img/2/3/small/full/max/0/default.jpg").await.width(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_open_is_not_shown() {
    let world = World::new().await;
    world.publish_photo("photo", &landscape(1300, 900)).await;
    world.publish("part", "photo.jpg", |d| d.max_unauthorised = 400).await;
    world.publish("shut", "photo.jpg", |d| d.max_unauthorised = 0).await;
    let info = world.json("/iiif-img/2/3/part/info.json").await;
    assert_eq!(info["maxWidth"], 400);
    assert_eq!(info["sizes"], json!([{ "width": 400, "height": 277 }]));
    assert_eq!(info["tiles"][0]["scaleFactors"], json!([4]));
    for (path, status) in [
        ("iiif-img/2/3/part/full/400,277/0/default.jpg", 200),
        ("iiif-img/2/3/part/full/max/0/default.jpg", 200),
        ("iiif-img/2/3/part/full/500,/0/default.jpg", 401),
        ("iiif-img/v2/2/3/part/full/full/0/default.jpg", 401),
        ("iiif-img/2/3/part/0,0,512,512/512,512/0/default.jpg", 401),
        ("thumbs/2/3/part/full/400,277/0/default.jpg", 200),
        ("thumbs/2/3/part/full/1024,709/0/default.jpg", 401),
        ("thumbs/2/3/part/full/max/0/default.jpg", 200),
        ("iiif-img/2/3/shut/full/max/0/default.jpg", 401),
        ("iiif-img/2/3/shut/full/1,1/0/default.jpg", 401),
        ("thumbs/2/3/shut/full/100,69/0/default.jpg", 401),
        ("iiif-img/2/3/shut/info.json", 200),
    ] {
        let answer = world.get(&format!("/{path}")).await;
        assert_eq!(answer.status, status, "{path}");
    }
}

/// Asks until `status` is answered; fails after the time that the API promises.
async fn becomes(world: &World, path: &str, status: u16, within: Duration) {
    let started = Instant::now();
    while world.get(path).await.status != status {
        assert!(started.elapsed() < within, "{path} is not {status} after {within:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_show_within_seconds() {
    let world = World::new().await;
    let path = "/iiif-img/2/3/photo/full/max/0/default.jpg";
    assert_eq!(world.get(path).await.status, 404);
    let old = world.publish_photo("photo", &landscape(300, 200)).await;
    becomes(&world, path, 200, Duration::from_secs(3)).await;
    let tag = world.get(path).await.header("etag").to_owned();
    // A new registration whose predecessor's objects are removed at once: nobody may see a failure.
    world.publish_photo("photo", &landscape(200, 100)).await;
    world.store.delete(&old.derivative).await.unwrap();
    assert_eq!(world.get("/iiif-img/2/3/photo/50,50,100,50/max/0/default.png").await.status, 200);
    assert_eq!(world.pixels(path).await.width(), 200);
    assert_ne!(world.get(path).await.header("etag"), tag);
    world.unpublish("photo").await;
    becomes(&world, path, 404, Duration::from_secs(5)).await;
    becomes(&world, "/iiif-img/2/3/photo/info.json", 404, Duration::from_secs(5)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_objects_are_our_fault_and_say_nothing() {
    let world = World::new().await;
    let descriptor = world.publish_photo("photo", &landscape(900, 700)).await;
    world.store.put(&descriptor.derivative, "image/tiff", vec![7; 10].into()).await.unwrap();
    let answer = world.get("/iiif-img/2/3/photo/0,0,300,300/max/0/default.png").await;
    assert!(answer.status == 500 || answer.status == 503, "{}", answer.status);
    assert!(!answer.text().contains("images/2/3"), "{}", answer.text());
    world.store.put(&StorageKey::Descriptor(&key("odd")).to_string(), "", "{}".into()).await.unwrap();
    assert_eq!(world.get("/iiif-img/2/3/odd/info.json").await.status, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_fits_is_refused_and_may_be_asked_again() {
    let world = World::with(&["--decode-mb", "16", "--wait-ms", "50", "--renderers", "1"]).await;
    world.publish_photo("photo", &landscape(1300, 900)).await;
    let paths: Vec<_> =
        (0..12).map(|i| format!("/iiif-img/2/3/photo/{i},0,1200,900/^4000,3000/0/default.jpg")).collect();
    let answers = futures::future::join_all(paths.iter().map(|path| world.get(path))).await;
    let count = |status: u16| answers.iter().filter(|a| a.status == status).count();
    assert_eq!(count(200) + count(503), answers.len());
    assert!(count(200) >= 1 && count(503) >= 1, "{} of {}", count(200), answers.len());
    let busy = answers.iter().find(|a| a.status == 503).unwrap();
    assert_eq!((busy.header("retry-after"), busy.header("access-control-allow-origin")), ("1", "*"));
    assert_eq!(
        world.get("/iiif-img/2/3/photo/0,0,512,512/max/0/default.jpg").await.status,
        200,
        "copies need no memory"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_who_ask_for_the_same_have_it_made_once() {
    let world = World::new().await;
    world.publish_photo("photo", &landscape(1300, 900)).await;
    let paths = ["full/!777,777", "full/777,", "full/777,538", "0,0,1300,900/777,"];
    let all = (0..16).map(|i| format!("/iiif-img/2/3/photo/{}/0/default.webp", paths[i % 4]));
    let all: Vec<_> = all.collect();
    let answers = futures::future::join_all(all.iter().map(|path| world.get(path))).await;
    assert!(answers.iter().all(|a| a.status == 200 && a.body == answers[0].body));
    let counted = |kind| world.metric("dlcs_images_requests_total", Some(kind));
    let before = counted("made");
    assert_eq!(world.get(&all[0]).await.status, 200);
    assert_eq!(counted("made"), before, "kept");
    assert!(counted("kept") >= 1.0);
    assert_eq!(world.metric("dlcs_images_renders_total", None), 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_root_is_what_answers_name() {
    let world = World::with(&["--public-url", "https://iiif.example.org/"]).await;
    world.publish_photo("photo", &landscape(300, 200)).await;
    assert_eq!(world.json("/iiif-img/2/3/photo/info.json").await["id"], "https://iiif.example.org/iiif-img/2/3/photo");
    let world = World::with(&["--trust-forwarded", "true"]).await;
    world.publish_photo("photo", &landscape(300, 200)).await;
    let forwarded = ["X-Forwarded-Proto: https", "X-Forwarded-Host: a.example:8443"];
    let info = world.send("GET", "/iiif-img/2/3/photo/info.json", &forwarded).await.json();
    assert_eq!(info["id"], "https://a.example:8443/iiif-img/2/3/photo");
}
