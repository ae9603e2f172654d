//! From a POST to IIIF services: a batch, an immediate registration, and what bad images come to.

#![cfg(test)]

use std::sync::Arc;
use std::time::Duration;

use dlcs_tests::{Answer, World, photos, pixels};
use reqwest::Method;
use serde_json::{Value, json};

/// Ten images that fail, each in its own way: path, answer, code.
fn bad_images(photo: &Arc<Vec<u8>>) -> Vec<(&'static str, Answer, &'static str)> {
    let bytes = |bytes: &[u8]| Answer::Bytes(Arc::new(bytes.to_vec()));
    vec![
        ("missing", Answer::Status(404), "origin-not-found"),
        ("forbidden", Answer::Status(403), "origin-forbidden"),
        ("teapot", Answer::Status(418), "origin-status"),
        ("loop", Answer::Redirect("/loop".to_owned()), "origin-redirect"),
        ("login", bytes(b"<!DOCTYPE html><title>Please log in</title>"), "not-an-image"),
        ("huge", Answer::Announced(3 << 30), "too-large"),
        ("cut", bytes(&photo[..photo.len() / 2]), "corrupt-image"),
        ("bomb", bytes(&png_header(60_000, 60_000)), "too-many-pixels"),
        ("heic", bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"), "unsupported-format"),
        ("inside", Answer::Redirect("http://169.254.169.254/latest/meta-data".to_owned()), "blocked-address"),
    ]
}

/// A PNG that claims a size and has nothing else.
fn png_header(width: u32, height: u32) -> Vec<u8> {
    let mut header = b"IHDR".to_vec();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0D".to_vec();
    let crc = crc32(&header);
    png.extend(header);
    png.extend(crc.to_be_bytes());
    png.extend(b"\0\0\0\x04IDAT");
    png.extend([0; 8]);
    png
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| if c & 1 == 1 { (c >> 1) ^ 0xEDB8_8320 } else { c >> 1 })
    };
    !bytes.iter().fold(!0, step)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_of_200_with_ten_bad_images() {
    let world = World::start().await.unwrap();
    let photos = photos::all().unwrap();
    let mut members = Vec::new();
    for number in 0..190 {
        let path = format!("/good/{number}.jpg");
        let (_, photo) = &photos[number % photos.len()];
        members.push((format!("page-{number}"), world.origin.set(&path, Answer::Bytes(photo.clone()))));
    }
    let bad = bad_images(&photos[0].1);
    for (name, answer, _) in &bad {
        let place = members.len() / 2;
        members.insert(place, ((*name).to_owned(), world.origin.set(&format!("/{name}"), answer.clone())));
    }

    let batch = world.post(&members).await.unwrap();
    let waiting = world.client.get(&world.image("page-0")).await.unwrap();
    assert_eq!(waiting["origin"], members[0].1, "an image can be read as soon as its batch is accepted");

    let done = world.client.finished(&batch, Duration::from_secs(240)).await.unwrap();
    assert_eq!((&done["count"], &done["completed"], &done["errors"]), (&json!(200), &json!(190), &json!(10)), "{done}");
    let finished = done["finished"].clone();

    for (name, _, code) in &bad {
        let image = world.client.get(&world.image(name)).await.unwrap();
        assert_eq!(image["errorCode"], *code, "{image}");
        assert_eq!(image["ingesting"], false);
        assert!(image["error"].as_str().is_some_and(|sentence| sentence.len() > 10), "{image}");
    }
    for number in 0..190 {
        assert_eq!(world.origin.hits(&format!("/good/{number}.jpg")), 1, "page {number} was fetched more than once");
    }
    outcomes_are_listed(&world, &batch).await;
    good_images_are_services(&world).await;

    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(world.client.get(&batch).await.unwrap()["finished"], finished, "finished is set once");
}

async fn outcomes_are_listed(world: &World, batch: &str) {
    let errors = world.client.get(&format!("{batch}/errorImages")).await.unwrap();
    assert_eq!(errors["totalItems"], 10);
    let completed = world.client.get(&format!("{batch}/completedImages?pageSize=50&page=4")).await.unwrap();
    assert_eq!(completed["totalItems"], 190);
    assert_eq!(completed["member"].as_array().map(Vec::len), Some(40));
    let assets = world.client.get(&format!("{batch}/assets?pageSize=200")).await.unwrap();
    let ended = |asset: &Value| asset["finished"].is_string();
    assert!(assets["member"].as_array().is_some_and(|all| all.len() == 200 && all.iter().all(ended)));
    let queue = world.client.get(&world.queue()).await.unwrap();
    assert_eq!((&queue["imagesWaiting"], &queue["batchesWaiting"]), (&json!(0), &json!(0)));
}

async fn good_images_are_services(world: &World) {
    for number in (0..190).step_by(19) {
        let image = world.client.get(&world.image(&format!("page-{number}"))).await.unwrap();
        let info = world.client.get(image["infoJson"].as_str().expect("an infoJson")).await.unwrap();
        assert_eq!((&info["width"], &info["height"]), (&image["width"], &image["height"]));
        let tile = format!("{}/0,0,512,512/512,512/0/default.jpg", world.iiif(&format!("page-{number}")));
        let (status, _, bytes) = world.client.bytes(&tile).await.unwrap();
        assert_eq!(status, 200);
        let tile = pixels::jpeg(&bytes).expect("a tile is a JPEG");
        assert_eq!((tile.width(), tile.height()), (512, 512));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immediate_registration_answers_when_the_service_is_there() {
    let world = World::start().await.unwrap();
    let photos = photos::all().unwrap();
    let first = world.origin.set("/first.jpg", Answer::Bytes(photos[0].1.clone()));
    let body = json!({"origin": first, "string1": "bib343434", "tags": ["cover"]});
    let put = world.client.send(Method::PUT, &world.image("now"), Some(&body)).await.unwrap();
    assert_eq!(put.status, 201, "{}", put.json);
    assert_eq!((&put.json["ingesting"], &put.json["string1"]), (&json!(false), &json!("bib343434")));
    let info = world.client.get(&format!("{}/info.json", world.iiif("now"))).await.unwrap();
    assert_eq!((&info["width"], &info["height"]), (&put.json["width"], &put.json["height"]));

    let second = world.origin.set("/second.jpg", Answer::Bytes(photos[1].1.clone()));
    let again = world.client.send(Method::PUT, &world.image("now"), Some(&json!({"origin": second}))).await.unwrap();
    assert_eq!(again.status, 200, "{}", again.json);
    assert_eq!(again.json["string1"], "bib343434", "omitted fields keep their value");

    let posted = json!({"id": "now", "origin": second});
    let spaces = format!("/customers/{}/spaces/{}/images", world.customer, world.space);
    let taken = world.client.send(Method::POST, &spaces, Some(&posted)).await.unwrap();
    assert_eq!(taken.status, 409, "{}", taken.json);
    let assigned = world.client.send(Method::POST, &spaces, Some(&json!({"origin": second}))).await.unwrap();
    assert_eq!(assigned.status, 201, "{}", assigned.json);
    assert!(assigned.json["id"].as_str().is_some_and(|id| id.len() == 36), "{}", assigned.json);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immediate_registration_that_fails_says_why_and_keeps_the_image() {
    let world = World::start().await.unwrap();
    let origin = world.origin.set("/gone.jpg", Answer::Status(404));
    let put = world.client.send(Method::PUT, &world.image("gone"), Some(&json!({"origin": origin}))).await.unwrap();
    assert_eq!((put.status.as_u16(), &put.json["errorCode"]), (502, &json!("origin-not-found")), "{}", put.json);
    let image = world.client.get(&world.image("gone")).await.unwrap();
    assert_eq!((&image["errorCode"], &image["ingesting"]), (&json!("origin-not-found"), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flaky_origin_is_tried_again() {
    let world = World::start().await.unwrap();
    let photos = photos::all().unwrap();
    let origin = world.origin.set("/flaky.jpg", Answer::Flaky(photos[0].1.clone(), 1));
    let batch = world.post(&[("flaky".to_owned(), origin)]).await.unwrap();
    let done = world.client.finished(&batch, Duration::from_secs(60)).await.unwrap();
    assert_eq!((&done["completed"], &done["errors"]), (&json!(1), &json!(0)), "{done}");
    assert_eq!(world.origin.hits("/flaky.jpg"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_registration_wins() {
    let world = World::start().await.unwrap();
    let photos = photos::all().unwrap();
    let slow = world.origin.set("/slow.jpg", Answer::Slow(photos[0].1.clone(), Duration::from_secs(4)));
    let quick = world.origin.set("/quick.jpg", Answer::Bytes(photos[1].1.clone()));
    let older = world.post(&[("page".to_owned(), slow)]).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let newer = world.post(&[("page".to_owned(), quick.clone())]).await.unwrap();
    let newer = world.client.finished(&newer, Duration::from_secs(60)).await.unwrap();
    let older = world.client.finished(&older, Duration::from_secs(60)).await.unwrap();
    assert_eq!((&newer["completed"], &older["errors"]), (&json!(1), &json!(1)));
    tokio::time::sleep(Duration::from_secs(5)).await;
    let image = world.client.get(&world.image("page")).await.unwrap();
    assert_eq!((&image["origin"], &image["errorCode"]), (&json!(quick), &Value::Null), "{image}");
}
