//! Registering an image by its bytes: three ways to send them, what is refused, and what a refusal leaves behind.

use std::path::PathBuf;
use std::time::Duration;

use dlcs_db::image;
use dlcs_db::queue::{Claim, claim, fail};
use dlcs_messages::Hint;
use dlcs_model::{Failure, FailureCode, Stage};
use dlcs_testkit::eventually;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Reply, World};
use crate::worker::{descriptor, key, serve, waiting};

const BOUNDARY: &str = "x-boundary";

/// Bytes that are no image, as nobody looks at them here.
fn bytes() -> Vec<u8> {
    (0..300_000_u32).map(|n| (n % 251) as u8).collect()
}

fn raw(world: &World, method: Method, path: &str, bytes: Vec<u8>) -> RequestBuilder {
    let request = world.request(method, path, &world.key).header("Content-Type", "image/jpeg");
    request.header("Prefer", "respond-async").body(bytes)
}

fn form(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in parts {
        let head = format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

async fn put_form(world: &World, path: &str, parts: &[(&str, &[u8])]) -> Reply {
    let request = world.request(Method::PUT, path, &world.key).body(form(parts)).header("Prefer", "respond-async");
    world.send(request.header("Content-Type", format!("multipart/form-data; boundary={BOUNDARY}"))).await
}

/// Every file that holds bytes of an upload, stored or on its way.
fn left(world: &World) -> Vec<PathBuf> {
    let mut folders = vec![world.store.path().join("uploads"), world.work.path().to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files
}

async fn nothing_left(world: &World) {
    let gone = eventually("nothing to be left of an upload", Duration::from_secs(10), async || {
        left(world).is_empty().then_some(())
    });
    gone.await.unwrap();
}

async fn take(world: &World, row: &image::Image) -> Claim {
    let hint = Hint { batch: row.batch, ordinal: row.ordinal, generation: row.generation, stage: Stage::Process };
    claim(&mut *world.database().await, &hint, "test").await.unwrap().expect("the item can be processed at once")
}

#[tokio::test(flavor = "multi_thread")]
async fn three_ways_lead_to_the_same_bytes() {
    let world = World::start(&[]).await;
    let bytes = bytes();
    let path = "/spaces/1/images/raw?string1=bib343434&number1=7&tags=a,b&tags=c";
    let reply = world.send(raw(&world, Method::PUT, path, bytes.clone())).await;
    assert_eq!(reply.status, 202, "{}", reply.json);
    let said = json!({"string1": "bib343434", "number1": 7, "tags": ["a", "b", "c"]});
    let image = said.to_string();
    for (id, parts) in [
        ("form", [("image", image.as_bytes()), ("other", b"x"), ("file", bytes.as_slice())]),
        ("mrof", [("file", bytes.as_slice()), ("other", b"x"), ("image", image.as_bytes())]),
    ] {
        let reply = put_form(&world, &format!("/spaces/1/images/{id}"), &parts).await;
        assert_eq!(reply.status, 202, "{}", reply.json);
    }
    let mut base64 = said.clone();
    base64["id"] = json!("base64");
    base64["file"] = json!(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &bytes));
    let request = world.request(Method::POST, "/spaces/1/images", &world.key).json(&base64);
    let reply = world.send(request.header("Prefer", "respond-async")).await;
    assert_eq!(reply.status, 202, "{}", reply.json);
    for id in ["raw", "form", "mrof", "base64"] {
        let json = world.get(&format!("/spaces/1/images/{id}")).await.json;
        for (name, value) in said.as_object().unwrap() {
            assert_eq!(&json[name], value, "{id}");
        }
        assert_eq!((json.get("origin"), &json["ingesting"]), (None, &json!(true)), "{id}");
        let staged = take(&world, &waiting(&world, id).await).await.staged.unwrap();
        assert_eq!(std::fs::read(world.store.path().join(&staged.key)).unwrap(), bytes, "{id}");
        assert_eq!(staged.bytes, bytes.len() as u64);
        let digest: String = staged.sha256.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, "3c65ea93424a9c362fec0e3a69ea36031e8a358441479dd665cc6110eabe7b08");
    }
    assert_eq!(left(&world).len(), 4, "nothing is left in the work folder");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_leaves_nothing_behind() {
    let world = World::start(&["--upload-max-bytes", "400000"]).await;
    world.create(&world.key, "/spaces", &json!({"id": 2, "name": "other"})).await;
    let known = json!({"origin": "http://origin.example/a.jpg"});
    let request = world.request(Method::PUT, "/spaces/1/images/known", &world.key).json(&known);
    assert_eq!(world.send(request.header("Prefer", "respond-async")).await.status, 202);
    let send = |method, path: &str, size| world.send(raw(&world, method, path, vec![7; size]));
    let put = |path: &'static str, size| send(Method::PUT, path, size);
    let wrong = put("/spaces/1/images/a?number1=many&maxUnauthorised=-2&origin=http://x.example/a.jpg", 1000).await;
    assert_eq!((wrong.status.as_u16(), wrong.faults().len()), (400, 3), "{}", wrong.json);
    assert_eq!(put("/spaces/9/images/a", 1000).await.status, 404);
    assert_eq!(put("/spaces/1/images/a", 400_001).await.status, 413);
    assert_eq!(put("/spaces/1/images/a", 10_000_000).await.status, 413);
    assert_eq!(put("/spaces/1/images/a", 0).await.faults(), ["/file empty-file"]);
    assert_eq!(send(Method::POST, "/spaces/1/images?id=known", 1000).await.status, 409);
    let matching = raw(&world, Method::PUT, "/spaces/1/images/known", vec![7; 1000]).header("If-Match", "\"other\"");
    assert_eq!(world.send(matching).await.status, 412);
    let coded = raw(&world, Method::PUT, "/spaces/1/images/a", vec![7; 1000]).header("Content-Encoding", "gzip");
    assert_eq!(world.send(coded).await.status, 415);
    let path = "/spaces/1/images/a";
    let (file, large) = (&[7_u8; 1000][..], &[7_u8; 400_001][..]);
    for (parts, status, fault) in [
        (&[("image", b"{}".as_slice())][..], 400, "/file missing-file"),
        (&[("file", file), ("file", file)], 400, "/file repeated-part"),
        (&[("file", file), ("image", br#"{"number1": []}"#)], 400, "/number1 wrong-type"),
        (&[("image", br#"{"space": 2}"#), ("file", file)], 400, "/space space-mismatch"),
        (&[("file", file), ("image", b"{")], 400, " malformed-json"),
        (&[("file", large)], 413, ""),
    ] {
        let reply = put_form(&world, path, parts).await;
        assert_eq!(reply.status, status, "{}", reply.json);
        assert!(fault.is_empty() || reply.faults() == [fault], "{:?}", reply.faults());
    }
    for (file, code) in [(json!("@@@@"), "invalid-base64"), (json!(7), "wrong-type"), (json!(""), "empty-file")] {
        assert_eq!(world.put(path, &json!({"file": file})).await.faults(), [format!("/file {code}")]);
    }
    let member = json!({"space": 1, "id": "b", "origin": "http://origin.example/b.jpg", "file": "AAAA"});
    let batch = world.post("/queue", &json!({"member": [member]})).await;
    assert_eq!(batch.faults(), ["/member/0/file bytes-in-a-batch"]);
    assert_eq!(world.get(path).await.status, 404);
    nothing_left(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_told_before_the_bytes_are_taken() {
    let world = World::start(&[]).await;
    let policy = json!({"maximumNumberOfStoredImages": 0});
    let request = world.request(Method::PUT, &world.path("/storagePolicy"), &world.admin()).json(&policy);
    assert_eq!(world.send(request).await.status, 200);
    let reply = world.send(raw(&world, Method::PUT, "/spaces/1/images/a", bytes())).await;
    assert_eq!((reply.status.as_u16(), &reply.json["errorCode"]), (507, &json!("quota-exceeded")), "{}", reply.json);
    nothing_left(&world).await;
}

/// Sends the head of an upload and the beginning of its body.
async fn begin(world: &World, headers: &str) -> TcpStream {
    let address = world.root.strip_prefix("http://").unwrap().to_owned();
    let mut stream = TcpStream::connect(&address).await.unwrap();
    let credentials =
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{}:{}", world.key.0, world.key.1));
    let head = format!(
        "PUT {} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {credentials}\r\nContent-Type: image/jpeg\r\n{headers}\r\n",
        world.path("/spaces/1/images/a")
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_breaks_off_leaves_nothing_behind() {
    let world = World::start(&[]).await;
    let mut stream = begin(&world, "Content-Length: 1000000\r\n").await;
    stream.write_all(&vec![7; 500_000]).await.unwrap();
    let begun = eventually("the bytes to come in", Duration::from_secs(10), async || left(&world).first().map(|_| ()));
    begun.await.unwrap();
    drop(stream);
    nothing_left(&world).await;
    assert_eq!(world.get("/spaces/1/images/a").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_ask_before_it_sends() {
    let world = World::start(&[]).await;
    let headers = "Expect: 100-continue\r\nContent-Length: 5\r\nPrefer: respond-async\r\nConnection: close\r\n";
    let mut stream = begin(&world, headers).await;
    let mut start = [0; 25];
    stream.read_exact(&mut start).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"bytes").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_of_bytes_cannot_be_fetched_until_it_has_an_origin() {
    let world = World::start(&[]).await;
    let path = "/spaces/1/images/a";
    let request = world.request(Method::PUT, path, &world.key).header("Content-Type", "image/jpeg");
    let put = world.send(request.body(bytes()));
    let worker = async {
        let claim = take(&world, &waiting(&world, "a").await).await;
        assert_eq!(claim.origin, "");
        let failure = Failure::new(FailureCode::NotAnImage, "the bytes are a count");
        fail(&mut *world.database().await, &claim, &failure).await.unwrap();
    };
    let (reply, ()) = tokio::join!(put, worker);
    assert_eq!((reply.status.as_u16(), &reply.json["errorCode"]), (422, &json!("not-an-image")), "{}", reply.json);
    let reingested = world.post(&format!("{path}/reingest"), &Value::Null).await;
    assert_eq!(reingested.status, 409, "{}", reingested.json);
    assert_eq!(world.put(path, &json!({"string1": "x"})).await.faults(), ["/origin missing-origin"]);
    let kept = world.get(path).await.json;
    assert_eq!((&kept["errorCode"], kept.get("origin")), (&json!("not-an-image"), None));
    let request = world.request(Method::PUT, path, &world.key).json(&json!({"origin": "http://origin.example/a.jpg"}));
    assert_eq!(world.send(request.header("Prefer", "respond-async")).await.status, 202);
    let row = image::get(&mut *world.database().await, &key(&world, "a")).await.unwrap().unwrap();
    assert_eq!(row.origin, "http://origin.example/a.jpg");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_needs_is_collected_and_nothing_else() {
    let world = World::start(&["--collect-interval-seconds", "1", "--collect-grace-seconds", "2"]).await;
    assert_eq!(world.send(raw(&world, Method::PUT, "/spaces/1/images/a", bytes())).await.status, 202);
    let row = waiting(&world, "a").await;
    let kept = take(&world, &row).await.staged.unwrap().key;
    let orphans = [
        format!("uploads/{}/0a0b0c0d0a0b0c0d0a0b0c0d0a0b0c0d", world.customer),
        "staging/77/0-0a0b0c0d0a0b0c0d0a0b0c0d0a0b0c0d".to_owned(),
        format!("staging/{}/0-0a0b0c0d0a0b0c0d0a0b0c0d0a0b0c0d", row.batch),
    ];
    let strange = "staging/77/readme".to_owned();
    for key in orphans.iter().chain([&strange]) {
        let path = world.store.path().join(key);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, b"bytes").unwrap();
    }
    let there = |key: &String| world.store.path().join(key).exists();
    let gone =
        eventually("the orphans to go", Duration::from_secs(20), async || (!orphans.iter().any(there)).then_some(()));
    gone.await.unwrap();
    assert!(there(&kept) && there(&strange));
}

#[tokio::test(flavor = "multi_thread")]
async fn derivatives_that_are_not_served_any_more_are_collected() {
    let world = World::start(&["--collect-interval-seconds", "1", "--collect-grace-seconds", "1"]).await;
    let path = |id: &str| format!("/spaces/1/images/{id}");
    let mut stored = Vec::new();
    for id in ["again", "again", "deleted", "kept"] {
        let body = json!({"origin": "https://origin.example/a.jpg"});
        let request = world.request(Method::PUT, &path(id), &world.key).json(&body);
        assert_eq!(world.send(request.header("Prefer", "respond-async")).await.status, 202);
        serve(&world, id).await;
        let named = world.store.path().join(descriptor(&world, id).unwrap().derivative);
        std::fs::create_dir_all(named.parent().unwrap()).unwrap();
        std::fs::write(&named, b"derivative").unwrap();
        stored.push(named);
    }
    assert_eq!(world.send(world.request(Method::DELETE, &path("deleted"), &world.key)).await.status, 204);
    let gone = eventually("two derivatives to go", Duration::from_secs(20), async || {
        (!stored[0].exists() && !stored[2].exists()).then_some(())
    });
    gone.await.unwrap();
    assert!(stored[1].exists() && stored[3].exists(), "what is served is kept");
    assert!(!stored[0].parent().unwrap().exists());
}
