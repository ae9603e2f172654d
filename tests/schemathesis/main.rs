//! Schemathesis asks the live API, behind its edge, everything that the OpenAPI document allows and forbids.

#![cfg(test)]

use std::path::{Path, PathBuf};
use std::process::Command;

use dlcs_tests::World;
use dlcs_tests::world::Servers;

const HOOKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemathesis/hooks.py");
const CONFIGURATION: &str = include_str!("schemathesis.toml");

#[tokio::test(flavor = "multi_thread")]
async fn the_api_does_what_its_document_says_and_nothing_else() {
    // Made-up origins are accepted and never fetched; who registers at once is told at once that it goes on.
    let settings = [("DLCS_QUEUE_WAIT_SECONDS", "0"), ("DLCS_EVENTS_HEARTBEAT_SECONDS", "1")];
    let mut world = World::start_on(Servers::shared().await.unwrap(), &settings).await.unwrap();
    world.kill("fetcher").unwrap();
    world.kill("processor").unwrap();
    let image = ("page-1".to_owned(), "https://origin.example/1.jpg".to_owned());
    world.post(&[image]).await.unwrap();

    let folder = tempfile::tempdir().unwrap();
    let configuration = folder.path().join("schemathesis.toml");
    std::fs::write(&configuration, CONFIGURATION.replace("{hooks}", HOOKS)).unwrap();
    // An administrator's last key cannot be withdrawn, also not by who asks everything.
    let (key, secret) = world.admin.credentials().unwrap();
    let output = Command::new(program("st"))
        .arg("--config-file")
        .arg(&configuration)
        .args(["run", "--auth", &format!("{key}:{secret}"), "--no-color"])
        // No fetcher is there to try out an origin, which has tests of its own.
        .args(["--exclude-path-regex", "/originStrategies/test$"])
        .arg(format!("{}/openapi.json", world.client.root()))
        .current_dir(folder.path())
        .env("DLCS_CUSTOMER", world.customer.to_string())
        .env("DLCS_SPACE", world.space.to_string())
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.contains("Test cases"), "nothing was asked:\n{told}");
}

/// A program of the tests' Python environment.
fn program(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| Path::new(file).exists());
    found.unwrap_or_else(|| panic!("no {name}: run ./deploy/local/test"))
}
