//! Credentials of origins are found nowhere but in their ciphertext: not in the database, the broker, logs, answers, or in
//! what the processes were started with.

#![cfg(test)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dlcs_tests::world::SERVICES;
use dlcs_tests::{Answer, World};
use reqwest::Method;
use serde_json::{Value, json};

const USER: &str = "canary-user";
/// Images fetched with credentials whose key is exchanged meanwhile.
const LOAD: usize = 500;
const CANARY: &str = "c4nary-Pa55word-that-is-nowhere-else";

/// The forms in which a secret could be lying about.
fn forms() -> Vec<(&'static str, String)> {
    let hex = CANARY.bytes().map(|byte| format!("{byte:02x}")).collect();
    vec![
        ("plain", CANARY.to_owned()),
        ("base64", STANDARD.encode(CANARY).trim_end_matches('=').to_owned()),
        ("base64, shifted by one", STANDARD.encode(format!("x{CANARY}"))[4..40].to_owned()),
        ("base64, shifted by two", STANDARD.encode(format!("xx{CANARY}"))[4..40].to_owned()),
        ("as it is sent", STANDARD.encode(format!("{USER}:{CANARY}"))),
        ("hex", hex),
    ]
}

/// The forms that are in some bytes.
fn found(bytes: &[u8]) -> Vec<&'static str> {
    let within =
        |needle: &str| bytes.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(needle.as_bytes()));
    forms().into_iter().filter(|(_, needle)| within(needle)).map(|(name, _)| name).collect()
}

fn files(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() { files(&entry.path(), all) } else { all.push(entry.path()) }
    }
}

fn picture() -> Arc<Vec<u8>> {
    let picture = image::RgbImage::from_fn(200, 150, |x, y| image::Rgb([x as u8, y as u8, 9]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    Arc::new(bytes.into_inner())
}

/// A world with a protected image that was registered, tried out and failed with a wrong password.
async fn world() -> (World, String) {
    let world = World::start().await.unwrap();
    let authorization = format!("Basic {}", STANDARD.encode(format!("{USER}:{CANARY}")));
    let good = world.origin.set("/good.png", Answer::Protected(picture(), authorization));
    let strategies = format!("/customers/{}/originStrategies", world.customer);
    let strategy = json!({
        "regex": format!("{}/.*", world.origin.root.replace('.', r"\.")), "strategy": "basic-http-authentication",
        "credentials": {"user": USER, "password": CANARY}
    });
    let made = world.client.create(&strategies, &strategy).await.unwrap();
    let path = made["@id"].as_str().unwrap().to_owned();
    let tried =
        world.client.send(Method::POST, &format!("{strategies}/test"), Some(&json!({"origin": good}))).await.unwrap();
    assert_eq!((&tried.json["readable"], &tried.json["strategy"]), (&json!(true), &json!(path)), "{}", tried.json);
    let batch = world
        .post(&[("good".to_owned(), good.clone()), ("gone".to_owned(), good.replace("good", "gone"))])
        .await
        .unwrap();
    let finished = world.client.finished(&batch, Duration::from_secs(60)).await.unwrap();
    assert_eq!((&finished["completed"], &finished["errors"]), (&json!(1), &json!(1)), "{finished}");
    (world, path)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_nowhere_but_in_its_ciphertext() {
    let (mut world, strategy) = world().await;
    let mut finds = Vec::new();
    let mut look =
        |place: String, bytes: &[u8]| finds.extend(found(bytes).into_iter().map(|form| format!("{place}: {form}")));
    let dump = Command::new("pg_dump").arg(format!("--dbname={}", world.database())).output().unwrap();
    assert!(dump.status.success() && dump.stdout.len() > 10_000, "{}", String::from_utf8_lossy(&dump.stderr));
    // The dump has what was stored: the search would find it if it were plain.
    assert!(String::from_utf8_lossy(&dump.stdout).contains("basic-http-authentication"));
    look("database".to_owned(), &dump.stdout);
    let mut all = Vec::new();
    files(world.folder(), &mut all);
    files(Path::new(&std::env::var("DLCS_TEST_RABBITMQ_DATA").unwrap()), &mut all);
    assert!(all.iter().any(|file| file.ends_with("fetcher.log")) && all.len() > 10, "{all:?}");
    for file in all {
        look(file.display().to_string(), &std::fs::read(&file).unwrap_or_default());
    }
    for service in SERVICES {
        let pid = world.process(service).unwrap().pid();
        for what in ["cmdline", "environ"] {
            look(format!("{service}'s {what}"), &std::fs::read(format!("/proc/{pid}/{what}")).unwrap());
        }
    }
    let customer = format!("/customers/{}", world.customer);
    let paths =
        [strategy, format!("{customer}/originStrategies"), format!("{customer}/allImages"), world.image("gone")];
    for path in paths {
        let answer: Value = world.client.get(&path).await.unwrap();
        look(path, answer.to_string().as_bytes());
    }
    assert!(finds.is_empty(), "{finds:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_rotated_while_everything_runs() {
    let (mut world, strategy) = world().await;
    let keys = world.folder().join("vault-keys");
    let old = std::fs::read_to_string(&keys).unwrap();
    let new = format!("newer:{}\n", STANDARD.encode([9; 32]));
    // Every service first learns the new key, then all secrets come under it, then the old one goes.
    std::fs::write(&keys, format!("{new}{old}")).unwrap();
    for service in ["gateway", "fetcher"] {
        world.kill(service).unwrap();
        world.launch(service).unwrap();
        world.ready(service).await.unwrap();
    }
    let database = world.database().to_owned();
    let rotate = |keys: &Path| {
        let gateway = std::env::current_exe().unwrap().parent().unwrap().with_file_name("gateway");
        let mut command = Command::new(gateway);
        command.arg("rotate-keys").env("DLCS_DATABASE_URL", &database).env("DLCS_VAULT_KEY_FILE", keys);
        command.output().unwrap()
    };
    let renewed = |keys: &Path| {
        let Output { status, stdout, stderr } = rotate(keys);
        let told = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
        assert!(status.success(), "{told}");
        told.contains("1 renewed")
    };
    // Back and forth while the credentials are in use: whoever reads them finds them whole and under a key it has.
    let back = world.folder().join("vault-keys-back");
    std::fs::write(&back, format!("{old}{new}")).unwrap();
    let good = format!("{}/good.png", world.origin.root);
    let load: Vec<_> = (0..LOAD).map(|n| (format!("load-{n}"), good.clone())).collect();
    let batch = world.post(&load).await.unwrap();
    let mut rotations = 0;
    let finished = loop {
        assert!(renewed(&keys) && renewed(&back));
        rotations += 2;
        let state = world.client.get(&batch).await.unwrap();
        if state.get("finished").is_some() {
            break state;
        }
    };
    assert_eq!(finished["completed"], LOAD, "{rotations} rotations: {finished}");
    assert!(rotations > 2 && renewed(&keys) && !renewed(&keys), "again without harm");
    std::fs::write(&keys, &new).unwrap();
    for service in ["gateway", "fetcher"] {
        world.kill(service).unwrap();
        world.launch(service).unwrap();
        world.ready(service).await.unwrap();
    }
    let put = world.client.send(Method::POST, &format!("{}/reingest", world.image("good")), None).await.unwrap();
    assert_eq!(put.status, 200, "{}", put.json);
    // A key that is lacking is our own trouble and named as such.
    std::fs::write(&keys, &old).unwrap();
    let lacking = rotate(&keys);
    assert!(!lacking.status.success() && String::from_utf8_lossy(&lacking.stderr).contains("newer"), "{strategy}");
}
