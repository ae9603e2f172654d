//! The whole service against a real Postgres, RabbitMQ and store.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::io::{Read, Seek};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;
use dlcs_broker::{Broker, BrokerSettings, Heard, Publisher};
use dlcs_db::queue::{self, NewBatch, NewImage, Staged};
use dlcs_db::{Database, DatabaseSettings, customer, image, item, space};
use dlcs_imaging::head::Head;
use dlcs_messages::{Event, Hint};
use dlcs_model::{ImageId, ItemState, Lane, SpaceId, Stage};
use dlcs_service::Context;
use dlcs_storage::{Descriptor, StorageKey};
use dlcs_testkit::{TestDatabase, TestVhost, eventually};
use futures::StreamExt;
use processor::{Settings, sandbox};
use tempfile::TempDir;
use tokio::task::JoinHandle;

const SOON: Duration = Duration::from_secs(30);
const SIZE: (u32, u32) = (700, 300);

struct Bench {
    server: TestDatabase,
    _vhost: TestVhost,
    folder: TempDir,
    database: Database,
    broker: Broker,
    context: Context,
    service: JoinHandle<anyhow::Result<()>>,
}

impl Bench {
    async fn new() -> Self {
        Self::with_decoder(env!("CARGO_BIN_EXE_processor").as_ref()).await
    }

    async fn with_decoder(decoder: &Path) -> Self {
        let (server, vhost) = (TestDatabase::create().await.unwrap(), TestVhost::create().await.unwrap());
        let folder = tempfile::tempdir().unwrap();
        let database = Database::connect(&DatabaseSettings::at(&server.url())).unwrap();
        database.migrate().await.unwrap();
        let settings = Settings::parse_from([
            "processor",
            "serve",
            &format!("--database-url={}", server.url()),
            &format!("--amqp-url={}", vhost.url()),
            &format!("--storage-url=file://{}/store", folder.path().display()),
            &format!("--process-decoder={}", decoder.display()),
            &format!("--work-dir={}/work", folder.path().display()),
        ]);
        let context = Context::detached("processor");
        let service = tokio::spawn(processor::start(settings, context.clone()));
        let test = Context::detached("test");
        let broker = Broker::start(&BrokerSettings { url: vhost.url().parse().unwrap() }, &test).unwrap();
        tokio::time::timeout(SOON, broker.connected()).await.unwrap();
        Self { server, _vhost: vhost, folder, database, broker, context, service }
    }

    fn stored(&self, key: &str) -> PathBuf {
        self.folder.path().join("store").join(key)
    }

    /// Registers images of these bytes as a fetcher would have left them, and publishes their hints.
    async fn register(&self, sources: &[Vec<u8>]) -> Vec<Hint> {
        let mut conn = self.database.get().await.unwrap();
        let customer = customer::create(&mut conn, "tester", "Tester", false).await.unwrap().id;
        let fields = space::SpaceFields { name: Some("one".to_owned()), ..Default::default() };
        space::create(&mut conn, customer, &fields).await.unwrap();
        let member = |n: usize| NewImage {
            origin: Some("http://origin/x".to_owned()),
            roles: Some(vec!["clerk".to_owned()]),
            max_unauthorised: Some(400),
            ..NewImage::named(SpaceId(1), ImageId::new(format!("page-{n}")).unwrap())
        };
        let new = NewBatch {
            customer,
            lane: Lane::Normal,
            label: None,
            immediate: true,
            only_new: false,
            members: (0..sources.len()).map(member).collect(),
            idempotency: None,
        };
        let accepted = queue::accept(&mut conn, &new).await.unwrap();
        let mut next = Vec::new();
        for (dispatched, source) in accepted.hints.iter().zip(sources) {
            let claim = queue::claim(&mut conn, &dispatched.hint, "test").await.unwrap().unwrap();
            let key =
                StorageKey::Staging { batch: claim.batch, ordinal: claim.ordinal, token: claim.token }.to_string();
            let path = self.stored(&key);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, source).unwrap();
            let staged = Staged { key, bytes: source.len() as u64, sha256: vec![0; 32], media_type: None };
            let dispatched = queue::fetched(&mut conn, &claim, &staged).await.unwrap().unwrap();
            next.push((dispatched.lane, dispatched.hint));
        }
        assert_eq!(Publisher::new(&self.broker).publish_hints(&next).await.unwrap(), vec![true; next.len()]);
        next.into_iter().map(|(_, hint)| hint).collect()
    }

    async fn item(&self, hint: &Hint) -> item::Outcome {
        let mut conn = self.database.get().await.unwrap();
        item::outcome(&mut conn, hint.batch, hint.ordinal).await.unwrap().unwrap()
    }

    async fn wait(&self, hint: &Hint, stage: Stage, state: ItemState) -> item::Outcome {
        eventually(&format!("item {} in {stage} {state}", hint.ordinal), SOON, || async {
            let item = self.item(hint).await;
            (item.item_stage == stage && item.item_state == state).then_some(item)
        })
        .await
        .unwrap()
    }
}

fn png() -> Vec<u8> {
    let (width, height) = SIZE;
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgb);
    let pixels: Vec<u8> = (0..width * height).flat_map(|n| [(n % 251) as u8, (n / 700 % 256) as u8, 77]).collect();
    encoder.write_header().unwrap().write_image_data(&pixels).unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn staged_bytes_become_a_service_or_an_error() {
    let mut bench = Bench::new().await;
    let mut heard = bench.broker.subscribe_events(&["image.*"]);
    assert_eq!(heard.next().await, Some(Heard::Gap));
    let whole = png();
    let half = whole[..whole.len() / 2].to_vec();
    let hints = bench.register(&[whole, b"<html>not found</html>".to_vec(), half]).await;
    let done = bench.wait(&hints[0], Stage::Process, ItemState::Completed).await;
    assert_eq!(done.item_error_code, None);
    let wrong = bench.wait(&hints[1], Stage::Process, ItemState::Error).await;
    assert_eq!(wrong.item_error_code.as_deref(), Some("not-an-image"));
    // Damaged bytes are fetched once more before they count.
    bench.wait(&hints[2], Stage::Fetch, ItemState::Ready).await;

    let mut events = Vec::new();
    while events.len() < 3 {
        let Some(Heard::Event(event)) = tokio::time::timeout(SOON, heard.next()).await.unwrap() else { continue };
        events.push(event);
    }
    let finished = |event: &&Event| matches!(event, Event::ImageFinished { .. });
    assert_eq!(events.iter().filter(finished).count(), 2);

    let key = dlcs_model::ImageKey {
        customer: dlcs_model::CustomerId(1),
        space: SpaceId(1),
        id: ImageId::new("page-0").unwrap(),
    };
    let row = image::get(&mut bench.database.get().await.unwrap(), &key).await.unwrap().unwrap();
    assert_eq!(row.media_type.as_deref(), Some("image/png"));
    let body = std::fs::read(bench.stored(&StorageKey::Descriptor(&key).to_string())).unwrap();
    let descriptor: Descriptor = serde_json::from_slice(&body).unwrap();
    assert_eq!((descriptor.width, descriptor.height, descriptor.generation), (SIZE.0, SIZE.1, row.generation));
    assert_eq!((descriptor.max_unauthorised, descriptor.roles.as_slice()), (400, ["clerk".to_owned()].as_slice()));
    let derivative = std::fs::read(bench.stored(&descriptor.derivative)).unwrap();
    assert_eq!(derivative.len() as u64, descriptor.derivative_bytes);
    let head = Head::parse(&derivative[..usize::try_from(descriptor.head_length).unwrap()]).unwrap();
    assert_eq!((head.width(), head.height(), head.levels()), (SIZE.0, SIZE.1, descriptor.levels));
    assert_eq!(descriptor.thumbnails.iter().map(|thumbnail| thumbnail.edge).collect::<Vec<_>>(), [100, 200, 400]);
    for thumbnail in &descriptor.thumbnails {
        assert_eq!(std::fs::metadata(bench.stored(&thumbnail.key)).unwrap().len(), thumbnail.bytes);
    }

    bench.context.shutdown.cancel();
    (&mut bench.service).await.unwrap().unwrap();
    let files = |folder: PathBuf| walk(&folder).len();
    assert_eq!(files(bench.stored("staging")), 0, "nothing is left in staging");
    assert_eq!(files(bench.folder.path().join("work")), 0, "temporary files are gone");
    assert_eq!(files(bench.stored("images")), 5, "one descriptor, one derivative, three thumbnails");
    drop(bench.server);
}

/// Set in the processes that are decoders.
const DECODER: &str = "DLCS_TEST_DECODER";

/// Decodes, and dies on some images.
fn serve_until_death() {
    let _ = sandbox::serve(|mut job, admit| {
        let mut start = [0; 5];
        job.source.rewind().unwrap();
        job.source.read_exact(&mut start).unwrap();
        if start == *b"abort" { std::process::abort() } else { sandbox::derive(job, admit) }
    });
}

/// This program is the decoder too, started again for this test.
#[test]
fn a_dead_decoder_costs_one_image() {
    if std::env::var_os(DECODER).is_some() {
        return serve_until_death();
    }
    tokio::runtime::Runtime::new().unwrap().block_on(one_of_three_dies());
}

async fn one_of_three_dies() {
    let folder = tempfile::tempdir().unwrap();
    let decoder = folder.path().join("decoder");
    let arguments = "a_dead_decoder_costs_one_image --exact --nocapture --test-threads=1";
    let program = std::env::current_exe().unwrap();
    let script = format!("#!/bin/sh\nexport {DECODER}=1\nexec '{}' {arguments}\n", program.display());
    std::fs::write(&decoder, script).unwrap();
    std::fs::set_permissions(&decoder, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut bench = Bench::with_decoder(&decoder).await;
    let hints = bench.register(&[png(), b"abort".to_vec(), png()]).await;
    let dead = bench.wait(&hints[1], Stage::Process, ItemState::Error).await;
    assert_eq!(dead.item_error_code.as_deref(), Some("decoder-crash"));
    for hint in [&hints[0], &hints[2]] {
        bench.wait(hint, Stage::Process, ItemState::Completed).await;
    }
    bench.context.shutdown.cancel();
    (&mut bench.service).await.unwrap().unwrap();
    drop(bench.server);
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}
