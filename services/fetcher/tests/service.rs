//! The whole service against a real Postgres, RabbitMQ, http origin and store.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::time::Duration;

use clap::Parser;
use dlcs_broker::{Broker, BrokerSettings, Publisher};
use dlcs_db::queue::{self, NewBatch, NewImage};
use dlcs_db::{Database, DatabaseSettings, customer, item, space};
use dlcs_messages::Hint;
use dlcs_model::{ImageId, ItemState, Lane, SpaceId, Stage};
use dlcs_service::Context;
use dlcs_testkit::{TestDatabase, TestVhost, eventually};
use fetcher::Settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const SOON: Duration = Duration::from_secs(20);
const BODY: &[u8] = b"bytes of an image";

/// An origin with one good image at `/good`.
async fn origin() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 2048];
            let read = stream.read(&mut request).await.unwrap();
            let (status, body) =
                if request[..read].starts_with(b"GET /good ") { ("200 OK", BODY) } else { ("404 No", &b""[..]) };
            let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        }
    });
    format!("http://{address}")
}

async fn register(database: &Database, origins: &[String]) -> Vec<(Lane, Hint)> {
    let mut conn = database.get().await.unwrap();
    let customer = customer::create(&mut conn, "tester", "Tester", false).await.unwrap().id;
    let fields = space::SpaceFields { name: Some("one".to_owned()), ..Default::default() };
    space::create(&mut conn, customer, &fields).await.unwrap();
    let member = |(n, origin): (usize, &String)| NewImage {
        origin: Some(origin.clone()),
        ..NewImage::named(SpaceId(1), ImageId::new(format!("{n}")).unwrap())
    };
    let new = NewBatch {
        customer,
        lane: Lane::Normal,
        label: None,
        immediate: true,
        only_new: false,
        members: origins.iter().enumerate().map(member).collect(),
        idempotency: None,
    };
    let accepted = queue::accept(&mut conn, &new).await.unwrap();
    accepted.hints.iter().map(|hint| (hint.lane, hint.hint)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_fetched_waits_in_staging_for_the_processor() {
    // An error means that a provider is already there, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let (server, vhost) = (TestDatabase::create().await.unwrap(), TestVhost::create().await.unwrap());
    let folder = tempfile::tempdir().unwrap();
    let database = Database::connect(&DatabaseSettings::at(&server.url())).unwrap();
    database.migrate().await.unwrap();
    let settings = Settings::parse_from([
        "fetcher",
        &format!("--database-url={}", server.url()),
        &format!("--amqp-url={}", vhost.url()),
        &format!("--storage-url=file://{}/store", folder.path().display()),
        &format!("--work-dir={}/work", folder.path().display()),
        "--fetch-allow-networks=127.0.0.1/32",
    ]);
    let context = Context::detached("fetcher");
    let service = tokio::spawn(fetcher::start(settings, context.clone()));
    let broker =
        Broker::start(&BrokerSettings { url: vhost.url().parse().unwrap() }, &Context::detached("test")).unwrap();
    tokio::time::timeout(SOON, broker.connected()).await.unwrap();

    let origin = origin().await;
    let origins = [
        format!("{origin}/good"),
        format!("{origin}/bad"),
        "http://10.0.0.1/x".to_owned(),
        "gopher://host/x".to_owned(),
    ];
    let hints = register(&database, &origins).await;
    Publisher::new(&broker).publish_hints(&hints).await.unwrap();
    let outcome = |hint: Hint| {
        let database = database.clone();
        async move { item::outcome(&mut database.get().await.unwrap(), hint.batch, hint.ordinal).await.unwrap().unwrap() }
    };
    for (index, code) in [(1, "origin-not-found"), (2, "blocked-address"), (3, "origin-status")] {
        let ended = eventually(code, SOON, || async {
            let outcome = outcome(hints[index].1).await;
            outcome.item_finished.is_some().then_some(outcome)
        });
        assert_eq!(ended.await.unwrap().item_error_code.as_deref(), Some(code));
    }
    eventually("the good one", SOON, || async {
        let outcome = outcome(hints[0].1).await;
        (outcome.item_stage == Stage::Process && outcome.item_state == ItemState::Queued).then_some(())
    })
    .await
    .unwrap();
    let hint = Hint { stage: Stage::Process, ..hints[0].1 };
    let claim = queue::claim(&mut database.get().await.unwrap(), &hint, "test").await.unwrap().unwrap();
    let staged = claim.staged.unwrap();
    assert_eq!(staged.bytes, BODY.len() as u64);
    assert_eq!(std::fs::read(folder.path().join("store").join(&staged.key)).unwrap(), BODY);
    let left = || std::fs::read_dir(folder.path().join("work")).unwrap().count();
    context.shutdown.cancel();
    service.await.unwrap().unwrap();
    assert_eq!(left(), 0, "temporary files are gone");
}
