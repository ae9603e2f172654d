//! Bytes that are sent, through the edge and the whole system: the same service as from an origin, and flat memory.

#![cfg(test)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use dlcs_testkit::eventually;
use dlcs_tests::{Answer, World, photos};
use reqwest::{Body, Method};
use serde_json::{Value, json};

/// All files of a name, or of any, below a folder.
fn files(folder: &Path, name: Option<&str>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, name));
        } else if name.is_none_or(|name| path.ends_with(name)) {
            found.push(path);
        }
    }
    found
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread")]
async fn sent_and_fetched_bytes_become_the_same_derivative() {
    let world = World::start().await.unwrap();
    let (_, photo) = &photos::all().unwrap()[0];
    let origin = world.origin.set("/photo.jpg", Answer::Bytes(photo.clone()));
    let put = |id: &str| world.client.request(Method::PUT, &world.image(id));
    let mut form = b"--b\r\nContent-Disposition: form-data; name=\"image\"\r\n\r\n{\"number1\": 1}\r\n".to_vec();
    form.extend(b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"p.jpg\"\r\n\r\n");
    form.extend_from_slice(photo);
    form.extend(b"\r\n--b--\r\n");
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, photo.as_slice());
    for (id, request) in [
        ("fetched", put("fetched").json(&json!({"origin": origin}))),
        ("raw", put("raw").header("Content-Type", "image/jpeg").body(photo.to_vec())),
        ("form", put("form").header("Content-Type", "multipart/form-data; boundary=b").body(form)),
        ("base64", put("base64").json(&json!({"file": base64}))),
    ] {
        let (status, image) = answer(request).await;
        assert_eq!((status, &image["ingesting"]), (201, &json!(false)), "{id}: {image}");
        assert_eq!(image["mediaType"], "image/jpeg", "{id}");
    }
    let derivatives = files(&world.store().join("images"), Some("image.tif"));
    let bytes: Vec<_> = derivatives.iter().map(|path| std::fs::read(path).unwrap()).collect();
    assert_eq!(bytes.len(), 4);
    assert!(bytes.iter().all(|other| *other == bytes[0]), "the derivatives differ");
    nothing_waits(&world).await;
}

async fn nothing_waits(world: &World) {
    let gone = eventually("the sent bytes to go", Duration::from_secs(10), async || {
        files(&world.store().join("uploads"), None).is_empty().then_some(())
    });
    gone.await.unwrap();
}

/// The most memory that a process ever had, in bytes.
fn peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

/// A body that is never whole in memory, not here either: the text before, so many pieces, the text after.
fn body(before: &'static str, piece: Vec<u8>, pieces: usize, after: &'static str) -> Body {
    let piece = bytes::Bytes::from(piece);
    let text = |text: &'static str| std::iter::once(bytes::Bytes::from_static(text.as_bytes()));
    let all = text(before).chain(std::iter::repeat_n(piece, pieces)).chain(text(after));
    Body::wrap_stream(futures::stream::iter(all.map(Ok::<_, std::io::Error>)))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_holds_little_of_a_large_image() {
    const MIB: usize = 1 << 20;
    let mut world = World::start().await.unwrap();
    let pid = world.process("gateway").unwrap().pid();
    let path = world.image("large");
    let put =
        |kind: &str, body| answer(world.client.request(Method::PUT, &path).header("Content-Type", kind).body(body));
    let raw = |pieces| put("image/tiff", body("", vec![0; MIB], pieces, ""));
    let base64 = |pieces| put("application/json", body("{\"file\": \"", vec![b'A'; MIB], pieces, "\"}"));
    assert_eq!((raw(1).await.0, base64(1).await.0), (422, 422));
    let before = peak(pid);
    // Four letters are three bytes: 94 MB.
    for (name, (status, image)) in [("raw", raw(1500).await), ("base64", base64(120).await)] {
        let more = peak(pid) - before;
        println!("{name} took {} KiB more memory", more >> 10);
        assert_eq!((status, &image["errorCode"]), (422, &json!("not-an-image")), "{name}: {image}");
        assert!(more < 20 << 20, "the gateway grew by {more} bytes");
    }
    assert_eq!(base64(130).await.0, 413, "of 102 MB");
    nothing_waits(&world).await;
}
