//! Our answers read by a JSON-LD processor (PyLD): every name in them becomes a term of our vocabulary or of Hydra's.

#![cfg(test)]

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use dlcs_tests::{Answer, World, photos};
use serde_json::json;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/linked_data/expand.py");

#[tokio::test(flavor = "multi_thread")]
async fn every_name_means_something() {
    let world = World::start().await.unwrap();
    let (_, photo) = photos::all().unwrap().into_iter().next().unwrap();
    let good = world.origin.set("/good.jpg", Answer::Bytes(photo));
    let bad = world.origin.set("/bad.jpg", Answer::Status(404));
    let member = |id: &str, origin: &str| json!({"space": world.space, "id": id, "origin": origin, "tags": ["a"], "roles": ["r"], "metadata": {"free": 1}});
    let body = json!({"label": "l", "member": [member("good", &good), member("bad", &bad)]});
    let batch = world.client.create(&world.queue(), &body).await.unwrap();
    let batch = batch["@id"].as_str().unwrap();
    world.client.finished(batch, Duration::from_secs(60)).await.unwrap();

    let (root, customer) = (world.client.root(), format!("/customers/{}", world.customer));
    let urls: Vec<String> = [
        "/".to_owned(),
        "/vocab".to_owned(),
        "/originStrategies".to_owned(),
        "/imageOptimisationPolicies/default".to_owned(),
        "/thumbnailPolicies/default".to_owned(),
        "/customers".to_owned(),
        customer.clone(),
        format!("{customer}/keys"),
        format!("{customer}/spaces?pageSize=1"),
        format!("{customer}/spaces/{}", world.space),
        world.queue(),
        format!("{}/batches", world.queue()),
        world.image("good"),
        world.image("bad"),
    ]
    .iter()
    .map(|path| format!("{root}{path}"))
    .chain(["", "/assets?pageSize=1", "/errorImages"].iter().map(|path| format!("{batch}{path}")))
    .collect();
    let (key, secret) = world.client.credentials().unwrap();
    let script = Command::new("python3").arg(Path::new(SCRIPT)).args([key, secret]).args(&urls).output();
    let output = script.expect("python3 with the packages of deploy/local/lib/test-requirements.txt is on the path");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}\n{errors}");
}
