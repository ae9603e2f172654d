//! The runner's promises against a real Postgres and RabbitMQ: each job ends once, whatever happens around it.
#![allow(clippy::unwrap_used, reason = "a test ends at the first surprise")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use diesel_async::{AsyncConnection, SimpleAsyncConnection};
use dlcs_broker::{Broker, BrokerSettings, Heard, Publisher, Slots};
use dlcs_db::queue::{self, Claim, NewBatch, NewImage, Staged};
use dlcs_db::{AsyncPgConnection, Database, DatabaseSettings, customer, item, space};
use dlcs_messages::{Event, Hint};
use dlcs_model::{BatchId, CustomerId, Failure, FailureCode, ImageId, ItemState, Lane, Stage};
use dlcs_service::Context;
use dlcs_testkit::{DATABASE_VARIABLE, TestDatabase, TestVhost, eventually};
use dlcs_worker::{CommitError, Committed, Tools, Work, WorkerSettings, serve};
use futures::StreamExt;
use tokio::task::JoinHandle;

const SOON: Duration = Duration::from_secs(20);

/// What the worker of these tests did, in order.
type Diary = Arc<Mutex<Vec<String>>>;

/// Work whose course is told by the image's origin.
struct Told {
    diary: Diary,
}

impl Told {
    fn note(&self, what: &str, claim: &Claim) {
        self.diary.lock().unwrap().push(format!("{what} {}", claim.ordinal));
    }
}

impl Work for Told {
    const STAGE: Stage = Stage::Fetch;
    type Output = Staged;

    async fn run(&self, claim: &Claim) -> Result<Staged, Failure> {
        self.note("run", claim);
        match claim.origin.rsplit('/').next().unwrap() {
            "missing" => return Err(Failure::new(FailureCode::OriginNotFound, "gone")),
            "slow" => tokio::time::sleep(Duration::from_secs(3)).await,
            "endless" => std::future::pending().await,
            _ => {}
        }
        Ok(Staged { key: claim.token.to_string(), bytes: 7, sha256: vec![0; 32], media_type: None })
    }

    async fn commit(
        &self,
        conn: &mut AsyncPgConnection,
        claim: &Claim,
        staged: &Staged,
    ) -> Result<Committed, CommitError> {
        Ok(match queue::fetched(conn, claim, staged).await? {
            Some(next) => Committed::Done { bytes: staged.bytes, next: Some(next) },
            None => Committed::Fenced,
        })
    }

    async fn discard(&self, claim: &Claim) {
        self.note("discard", claim);
    }

    async fn tidy(&self, claim: &Claim) {
        self.note("tidy", claim);
    }
}

struct Bench {
    database: TestDatabase,
    _vhost: TestVhost,
    tools: Tools,
    publisher: Publisher,
    customer: CustomerId,
    diary: Diary,
    worker: JoinHandle<anyhow::Result<()>>,
}

impl Bench {
    async fn new() -> Self {
        let (database, vhost) = (TestDatabase::create().await.unwrap(), TestVhost::create().await.unwrap());
        let db = Database::connect(&DatabaseSettings::at(&database.url())).unwrap();
        db.migrate().await.unwrap();
        let mut conn = db.get().await.unwrap();
        let customer = customer::create(&mut conn, "tester", "Tester", false).await.unwrap().id;
        let fields = space::SpaceFields { name: Some("one".to_owned()), ..Default::default() };
        space::create(&mut conn, customer, &fields).await.unwrap();
        drop(conn);
        let context = Context::detached("fetcher");
        let broker = Broker::start(&BrokerSettings { url: vhost.url().parse().unwrap() }, &context).unwrap();
        tokio::time::timeout(SOON, broker.connected()).await.unwrap();
        let publisher = Publisher::new(&broker);
        let tools = Tools { database: db, broker, context };
        let diary = Diary::default();
        let worker = tokio::spawn({
            let (work, tools) = (Told { diary: diary.clone() }, tools.clone());
            let settings = WorkerSettings { work_dir: "/nonexistent".into(), heartbeat: 1 };
            async move { serve(work, Slots { normal: 2, priority: 1 }, &settings, &tools).await }
        });
        Self { database, _vhost: vhost, tools, publisher, customer, diary, worker }
    }

    /// Registers images with these origins and publishes their hints.
    async fn register(&self, origins: &[&str]) -> Vec<Hint> {
        let member = |(n, origin): (usize, &&str)| NewImage {
            origin: Some(format!("http://origin/{origin}")),
            ..NewImage::named(dlcs_model::SpaceId(1), ImageId::new(format!("{n}")).unwrap())
        };
        let new = NewBatch {
            customer: self.customer,
            lane: Lane::Normal,
            label: None,
            immediate: true,
            only_new: false,
            members: origins.iter().enumerate().map(member).collect(),
            idempotency: None,
        };
        let accepted = queue::accept(&mut self.tools.database.get().await.unwrap(), &new).await.unwrap();
        let hints: Vec<_> = accepted.hints.iter().map(|hint| (hint.lane, hint.hint)).collect();
        assert_eq!(hints.len(), origins.len());
        assert_eq!(self.publisher.publish_hints(&hints).await.unwrap(), vec![true; hints.len()]);
        hints.into_iter().map(|(_, hint)| hint).collect()
    }

    async fn item(&self, hint: &Hint) -> item::Outcome {
        let mut conn = self.tools.database.get().await.unwrap();
        item::outcome(&mut conn, hint.batch, hint.ordinal).await.unwrap().unwrap()
    }

    async fn wait(&self, hint: &Hint, stage: Stage, state: ItemState) {
        eventually(&format!("item {} in {stage} {state}", hint.ordinal), SOON, || async {
            let item = self.item(hint).await;
            (item.item_stage == stage && item.item_state == state).then_some(())
        })
        .await
        .unwrap();
    }

    fn diary(&self, about: &str) -> Vec<String> {
        self.diary.lock().unwrap().iter().filter(|line| line.ends_with(about)).cloned().collect()
    }

    async fn wait_diary(&self, line: &str) {
        eventually(line, SOON, || async { self.diary(line).first().map(|_| ()) }).await.unwrap();
    }

    async fn stop(self) {
        self.tools.context.shutdown.cancel();
        self.worker.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_done_once_however_often_its_hint_comes() {
    let bench = Bench::new().await;
    let mut heard = bench.tools.broker.subscribe_events(&["image.*"]);
    assert_eq!(heard.next().await, Some(Heard::Gap));
    let hints = bench.register(&["good", "missing"]).await;
    let again: Vec<_> = hints.iter().flat_map(|hint| [(Lane::Normal, *hint), (Lane::Priority, *hint)]).collect();
    bench.publisher.publish_hints(&again).await.unwrap();
    bench.wait(&hints[0], Stage::Process, ItemState::Queued).await;
    bench.wait(&hints[1], Stage::Fetch, ItemState::Error).await;
    assert_eq!(bench.item(&hints[1]).await.item_error_code.as_deref(), Some("origin-not-found"));
    let event = tokio::time::timeout(SOON, heard.next()).await.unwrap();
    let Some(Heard::Event(Event::ImageFinished { batch, error, .. })) = event else { panic!("{event:?}") };
    assert_eq!((batch, error), (hints[1].batch, Some(FailureCode::OriginNotFound)));
    bench.wait_diary("tidy 1").await;
    assert_eq!(bench.diary("0"), ["run 0", "tidy 0"]);
    assert_eq!(bench.diary("1"), ["run 1", "discard 1", "tidy 1"]);
    let outdated = Hint { generation: 99, ..hints[0] };
    let unknown = Hint { batch: BatchId(4711), ..hints[0] };
    bench.publisher.publish_hints(&[(Lane::Normal, outdated), (Lane::Normal, unknown)]).await.unwrap();
    let after = bench.register(&["another"]).await;
    bench.wait(&after[0], Stage::Process, ItemState::Queued).await;
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_lost_its_lease_is_aborted_and_takes_back_what_it_stored() {
    let bench = Bench::new().await;
    let hints = bench.register(&["endless"]).await;
    bench.wait(&hints[0], Stage::Fetch, ItemState::Running).await;
    let newer = bench.register(&["good"]).await;
    assert_eq!(newer[0].generation, hints[0].generation + 1);
    bench.wait_diary("discard 0").await;
    bench.wait(&newer[0], Stage::Process, ItemState::Queued).await;
    let old = bench.item(&hints[0]).await;
    assert_eq!((old.item_state, old.item_error_code.as_deref()), (ItemState::Error, Some("superseded")));
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_job_waits_for_the_database() {
    let bench = Bench::new().await;
    let hints = bench.register(&["slow", "slow"]).await;
    bench.wait(&hints[0], Stage::Fetch, ItemState::Running).await;
    bench.wait(&hints[1], Stage::Fetch, ItemState::Running).await;
    let server = std::env::var(DATABASE_VARIABLE).unwrap();
    let mut admin = AsyncPgConnection::establish(&server).await.unwrap();
    let url = bench.database.url();
    let name = url.rsplit('/').next().unwrap();
    let outage = format!(
        "ALTER DATABASE {name} ALLOW_CONNECTIONS false; \
         SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    );
    admin.batch_execute(&outage).await.unwrap();
    // Longer than the jobs take.
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(bench.tools.database.ready().await.is_err());
    admin.batch_execute(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await.unwrap();
    for hint in &hints {
        bench.wait(hint, Stage::Process, ItemState::Queued).await;
    }
    assert_eq!(bench.diary("0"), ["run 0", "tidy 0"]);
    bench.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_at_the_shutdown_is_finished() {
    let bench = Bench::new().await;
    let hints = bench.register(&["slow"]).await;
    bench.wait(&hints[0], Stage::Fetch, ItemState::Running).await;
    bench.tools.context.shutdown.cancel();
    bench.wait(&hints[0], Stage::Process, ItemState::Queued).await;
    bench.stop().await;
}
