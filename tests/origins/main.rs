//! The same images from every kind of origin, through the whole system and the customer's strategies.

#![cfg(test)]

mod ambient;

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use dlcs_testkit::servers::{Authority, FtpMode, HOST, Nginx, PASSWORD, PyFtp, S3, S3_KEYS, Sshd, USER, Vsftpd};
use dlcs_tests::World;
use dlcs_tests::world::Servers;
use serde_json::{Value, json};

/// Images from each origin.
const IMAGES: u32 = 20;

/// A picture that is like no other.
fn picture(number: u32) -> Vec<u8> {
    let pixel = |x: u32, y: u32| image::Rgb([(x + number * 11) as u8, (y * 2) as u8, (x * y / 90 + number) as u8]);
    let mut bytes = std::io::Cursor::new(Vec::new());
    let format = if number.is_multiple_of(2) { image::ImageFormat::Png } else { image::ImageFormat::Tiff };
    image::RgbImage::from_fn(600 + number, 400, pixel).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// An origin: its name, where its files are, and the strategy that it needs.
struct Place {
    name: &'static str,
    root: String,
    strategy: Option<(&'static str, Value)>,
    _server: Box<dyn Send>,
}

impl Place {
    fn new(
        name: &'static str,
        root: String,
        strategy: Option<(&'static str, Value)>,
        server: impl Send + 'static,
    ) -> Self {
        Self { name, root, strategy, _server: Box::new(server) }
    }
}

async fn places(folder: &Path, root: &Path, authority: &Authority) -> Vec<Place> {
    let state = |name: &str| {
        let state = folder.join(name);
        std::fs::create_dir_all(&state).unwrap();
        state
    };
    let login = || json!({"user": USER, "password": PASSWORD});
    let nginx = Nginx::start(&state("nginx"), root, authority).await.unwrap();
    let (http, https) = (nginx.http, nginx.https);
    let ftp = Vsftpd::start(&state("vsftpd"), root, None).await.unwrap();
    let ftps = Vsftpd::start(&state("vsftpd-tls"), root, Some(authority)).await.unwrap();
    let address = (HOST.parse().unwrap(), FtpMode::Explicit);
    let python = PyFtp::start(&state("python"), root, address, authority, None).await.unwrap();
    let sftp = Sshd::start(&state("ssh")).await.unwrap();
    let s3 = S3::start(&state("s3"), root).await.unwrap();
    let endpoint = format!("http://{HOST}:{}", s3.port);
    let keys = json!({"accessKeyId": S3_KEYS.0, "secretAccessKey": S3_KEYS.1, "endpoint": endpoint});
    let at = |scheme: &str, port: u16| format!("{scheme}://{HOST}:{port}");
    let basic = Some(("basic-http-authentication", login()));
    vec![
        Place::new("http", at("http", http), None, ()),
        Place::new("protected", format!("{}/private", at("https", https)), basic, nginx),
        Place::new("ftp", at("ftp", ftp.port), Some(("ftp", login())), ftp),
        Place::new("ftps", at("ftps", ftps.port), Some(("ftp", login())), ftps),
        Place::new("python", at("ftps", python.port), None, python),
        Place::new("sftp", format!("{}{}", at("sftp", sftp.port), root.display()), Some(("sftp", login())), sftp),
        Place::new("s3", "s3://masters".to_owned(), Some(("s3-credentials", keys)), s3),
    ]
}

/// The derivatives in the store, by the image's id.
fn derivatives(store: &Path, folder: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            derivatives(store, &path, found);
        } else if path.ends_with("descriptor.json") {
            let descriptor: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
            let id = descriptor["image"]["id"].as_str().unwrap().to_owned();
            found.insert(id, std::fs::read(store.join(descriptor["derivative"].as_str().unwrap())).unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_images_from_every_origin_become_the_same_derivatives() {
    let folder = tempfile::tempdir().unwrap();
    // Servers read it as other users.
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let (authority, root) = (Authority::create(folder.path()).unwrap(), folder.path().join("root"));
    std::fs::create_dir_all(root.join("private")).unwrap();
    for number in 0..IMAGES {
        for name in [format!("{number}"), format!("private/{number}")] {
            std::fs::write(root.join(name), picture(number)).unwrap();
        }
    }
    let places = places(folder.path(), &root, &authority).await;
    let certificate = authority.certificate.display().to_string();
    let servers = Servers::shared().await.unwrap();
    let world = World::start_on(servers, &[("DLCS_FETCH_CA_FILE", &certificate)]).await.unwrap();
    let mut members = Vec::new();
    for Place { name, root, strategy, _server } in &places {
        if let Some((strategy, credentials)) = strategy {
            let regex = format!("{}/.*", root.replace('.', r"\."));
            let body = json!({"regex": regex, "strategy": strategy, "credentials": credentials});
            world.client.create(&format!("/customers/{}/originStrategies", world.customer), &body).await.unwrap();
        }
        members.extend((0..IMAGES).map(|number| (format!("{name}-{number}"), format!("{root}/{number}"))));
    }
    let batch = world.post(&members).await.unwrap();
    let finished = world.client.finished(&batch, Duration::from_secs(180)).await.unwrap();
    let failed = world.client.get(&format!("{batch}/errorImages")).await.unwrap();
    assert_eq!(finished["errors"], 0, "{failed}");

    let mut found = BTreeMap::new();
    derivatives(&world.store(), &world.store().join("images"), &mut found);
    assert_eq!(found.len(), members.len());
    for number in 0..IMAGES {
        let first = &found[&format!("http-{number}")];
        for Place { name, .. } in &places {
            assert!(found[&format!("{name}-{number}")] == *first, "image {number} by {name} differs");
        }
    }
    // Images that differ are told apart: the comparison would notice.
    assert!(found["http-0"] != found["http-2"]);
}
