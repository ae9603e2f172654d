//! Resources as the whole system sees them: what is changed at the API is what is delivered, what is stored adds up, and
//! large posts stay within bounds.

#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use dlcs_testkit::eventually;
use dlcs_tests::{Answer, Client, World};
use reqwest::Method;
use serde_json::{Value, json};

/// Bytes of metadata a member, and what the gateway may take for it, in kB.
const MEMORY: [(usize, u64); 2] = [(0, 300 * 1024), (2_000, 400 * 1024)];

/// A picture of 640 x 480, as PNG.
fn picture() -> Arc<Vec<u8>> {
    let pixel = |x: u32, y: u32| image::Rgb([(x / 3) as u8, (y / 2) as u8, ((x * y) / 1500) as u8]);
    let picture = image::RgbImage::from_fn(640, 480, pixel);
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    Arc::new(bytes.into_inner())
}

async fn patch(client: &Client, path: &str, body: Value) -> Value {
    let reply = client.send(Method::PATCH, path, Some(&body)).await.unwrap();
    assert_eq!(reply.status, 200, "{path}: {}", reply.json);
    reply.json
}

/// Waits until a path is delivered with a status; what is changed must be seen within five seconds.
async fn delivered(world: &World, path: &str, status: u16) {
    let what = format!("{path} to be answered with {status}");
    let seen = eventually(&what, Duration::from_secs(5), async || {
        world.client.bytes(path).await.ok().filter(|(seen, ..)| *seen == status)
    });
    seen.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_changed_is_what_is_delivered_and_what_is_stored_adds_up() {
    let world = World::start().await.unwrap();
    let picture = picture();
    let ids = ["a", "b", "c", "broken"];
    let origin = |id: &str| match id {
        "broken" => Answer::Status(404),
        _ => Answer::Bytes(picture.clone()),
    };
    let members: Vec<_> =
        ids.iter().map(|id| ((*id).to_owned(), world.origin.set(&format!("/{id}.png"), origin(id)))).collect();
    let batch = world.post(&members).await.unwrap();
    world.client.finished(&batch, Duration::from_secs(60)).await.unwrap();
    sums_agree(&world, 3).await;

    // `max` would be as large as is allowed, and always is something.
    let full = |id: &str| format!("{}/full/640,480/0/default.jpg", world.iiif(id));
    delivered(&world, &full("a"), 200).await;
    let fetched = world.origin.hits("/a.png");
    let before = world.client.get(&world.image("a")).await.unwrap();
    let after = patch(&world.client, &world.image("a"), json!({"maxUnauthorised": 200, "roles": ["staff"]})).await;
    assert_eq!((&after["finished"], &after["width"]), (&before["finished"], &before["width"]));
    delivered(&world, &full("a"), 401).await;
    delivered(&world, &format!("{}/full/!200,200/0/default.jpg", world.iiif("a")), 200).await;
    patch(&world.client, &world.image("a"), json!({"maxUnauthorised": null, "roles": []})).await;
    delivered(&world, &full("a"), 200).await;
    assert_eq!(world.origin.hits("/a.png"), fetched, "no byte was fetched for that");

    let again = world.client.send(Method::POST, &format!("{}/reingest", world.image("a")), None).await.unwrap();
    assert_eq!((again.status.as_u16(), &again.json["ingesting"]), (200, &json!(false)), "{}", again.json);
    assert_eq!(world.origin.hits("/a.png"), fetched + 1);
    sums_agree(&world, 3).await;

    let doomed: Vec<_> =
        ["a", "b"].iter().map(|id| json!({"id": format!("{}/{}/{id}", world.customer, world.space)})).collect();
    let path = format!("/customers/{}/deleteImages", world.customer);
    let deleted = world.client.send(Method::POST, &path, Some(&json!({"member": doomed}))).await.unwrap();
    assert_eq!(
        (deleted.status.as_u16(), deleted.json),
        (200, json!({"deleted": 2, "message": "2 images were deleted."}))
    );
    delivered(&world, &full("a"), 404).await;
    delivered(&world, &full("b"), 404).await;
    delivered(&world, &full("c"), 200).await;
    sums_agree(&world, 1).await;
    full_storage(&world).await;
}

/// What is stored for the customer and the space is what its images say.
async fn sums_agree(world: &World, stored: i64) {
    let images = format!("/customers/{}/spaces/{}/images", world.customer, world.space);
    let listed = world.client.get(&images).await.unwrap();
    let (mut count, mut size, mut thumbnails) = (0, 0, 0);
    for image in listed["member"].as_array().unwrap() {
        let one = world.client.get(image["storage"].as_str().unwrap()).await.unwrap();
        assert_eq!(one["size"].as_i64().filter(|size| *size > 0), image["size"].as_i64());
        count += i64::from(image["size"].is_i64());
        size += one["size"].as_i64().unwrap();
        thumbnails += one["thumbnailSize"].as_i64().unwrap();
    }
    assert_eq!(count, stored);
    for path in [format!("/customers/{}/storage", world.customer), images.replace("/images", "/storage")] {
        let sums = world.client.get(&path).await.unwrap();
        let names = ["numberOfStoredImages", "totalSizeOfStoredImages", "totalSizeOfThumbnails"];
        assert_eq!(names.map(|name| sums[name].as_i64().unwrap()), [count, size, thumbnails], "{path}");
    }
}

/// A derivative that does not fit ends as such, and leaves nothing behind.
async fn full_storage(world: &World) {
    let storage = format!("/customers/{}/storage", world.customer);
    let now = world.client.get(&storage).await.unwrap();
    let limit = json!({"maximumTotalSizeOfStoredImages": now["totalSizeOfStoredImages"].as_i64().unwrap() + 100});
    let policy = now["storagePolicy"].as_str().unwrap();
    assert_eq!(world.admin.send(Method::PUT, policy, Some(&limit)).await.unwrap().status, 200);
    let objects = || walk(&world.store().join("images"));
    let before = objects();
    let body = json!({"origin": format!("{}/a.png", world.origin.root)});
    let put = world.client.send(Method::PUT, &world.image("too-much"), Some(&body)).await.unwrap();
    assert_eq!((put.status.as_u16(), &put.json["errorCode"]), (507, &json!("quota-exceeded")), "{}", put.json);
    let image = world.client.get(&world.image("too-much")).await.unwrap();
    assert_eq!((&image["errorCode"], &image["ingesting"]), (&json!("quota-exceeded"), &json!(false)));
    assert_eq!(world.client.get(&storage).await.unwrap(), now);
    let tidy = eventually("the derivative to be removed", Duration::from_secs(10), async || {
        (objects() == before).then_some(())
    });
    tidy.await.unwrap();
}

/// How many files there are below a folder.
fn walk(folder: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { 1 }).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_large_posts_at_once_stay_within_bounds() {
    let mut world = World::start().await.unwrap();
    // What is fetched is of no interest here.
    world.kill("fetcher").unwrap();
    for (metadata, most) in MEMORY {
        let posts = (0..10).map(|number| {
            let (client, queue, body) = (world.client.clone(), world.queue(), members(number, world.space, metadata));
            tokio::spawn(async move { client.send(Method::POST, &queue, Some(&body)).await.unwrap() })
        });
        for post in posts.collect::<Vec<_>>() {
            let reply = post.await.unwrap();
            // Large ones wait for one another, and may be told to come again.
            let fine = reply.status == 201 || (reply.status == 503 && reply.headers.contains_key("retry-after"));
            assert!(fine, "{} {}", reply.status, reply.json);
        }
        let peak = peak(world.process("gateway").unwrap().pid());
        assert!(peak < most, "{peak} kB for ten posts with {metadata} bytes of metadata a member");
    }
}

fn members(batch: usize, space: i64, metadata: usize) -> Value {
    let text = "x".repeat(metadata);
    let member = |number: usize| {
        let mut member = json!({
            "space": space, "id": format!("b{batch}-{number:05}"), "origin": format!("http://127.0.0.1:9/{number}.jpg"),
            "string1": "bib343434", "number1": number, "tags": ["page"]
        });
        if metadata > 0 {
            member["metadata"] = json!({"text": text});
        }
        member
    };
    json!({"@type": "Collection", "member": (0..10_000).map(member).collect::<Vec<_>>()})
}

/// The most memory that a process has had, in kB.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
