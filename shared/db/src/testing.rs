//! What the tests of this crate share: a fresh database each, and short ways to say things.

use std::convert::Infallible;

use diesel::sql_query;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use dlcs_messages::Hint;
use dlcs_model::{BatchId, CustomerId, Failure, FailureCode, ImageId, ImageKey, Lane, SpaceId, Stage};
use dlcs_testkit::TestDatabase;

use crate::batch::Batch;
use crate::item::Outcome as ItemOutcome;
use crate::queue::*;
use crate::space::SpaceFields;
use crate::sql::Number;
use crate::{Connection, Database, DatabaseSettings, batch, condition, customer, item, space};

/// A migrated database that goes when this is dropped.
pub struct TestDb {
    pub db: Database,
    _database: TestDatabase,
}

impl TestDb {
    pub async fn new() -> Self {
        let database = TestDatabase::create().await.unwrap();
        let mut settings = DatabaseSettings::at(&database.url());
        settings.database_pool_wait = 60;
        let db = Database::connect(&settings).unwrap();
        db.migrate().await.unwrap();
        Self { db, _database: database }
    }

    pub async fn conn(&self) -> Connection {
        self.db.get().await.unwrap()
    }

    /// A customer with space 1.
    pub async fn customer(&self, name: &str) -> CustomerId {
        let mut conn = self.conn().await;
        let customer = customer::create(&mut conn, name, name, false).await.unwrap().id;
        let fields = SpaceFields { name: Some("first".into()), ..SpaceFields::default() };
        space::create(&mut conn, customer, &fields).await.unwrap();
        customer
    }
}

pub fn id(text: &str) -> ImageId {
    ImageId::new(text).unwrap()
}

pub fn key(customer: CustomerId, text: &str) -> ImageKey {
    ImageKey { customer, space: SpaceId(1), id: id(text) }
}

pub fn image(text: &str) -> NewImage {
    let origin = Some(format!("https://origin.test/{text}.jpg"));
    NewImage { origin, ..NewImage::named(SpaceId(1), id(text)) }
}

pub fn batch_of<S: AsRef<str>>(customer: CustomerId, names: &[S]) -> NewBatch {
    NewBatch {
        customer,
        lane: Lane::Normal,
        label: None,
        immediate: false,
        only_new: false,
        members: names.iter().map(|name| image(name.as_ref())).collect(),
        idempotency: None,
    }
}

/// An immediate registration that brings its bytes.
pub fn upload_of(customer: CustomerId, name: &str) -> NewBatch {
    let bytes = Staged { key: format!("uploads/{customer}/{name}"), bytes: 10, sha256: vec![2; 32], media_type: None };
    let members = vec![NewImage::named(SpaceId(1), id(name)).with_bytes(bytes)];
    NewBatch { lane: Lane::Priority, immediate: true, members, ..batch_of(customer, &[name]) }
}

pub fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{prefix}{i:05}")).collect()
}

pub fn hint(accepted: &Accepted, ordinal: usize, stage: Stage) -> Hint {
    let generation = accepted.members[ordinal].generation;
    Hint { batch: accepted.batch, ordinal: i32::try_from(ordinal).unwrap(), generation, stage }
}

pub fn staged(claim: &Claim) -> Staged {
    let key = format!("staging/{}/{}-{}", claim.batch, claim.ordinal, claim.token);
    Staged { key, bytes: 10, sha256: vec![1; 32], media_type: None }
}

pub fn facts(claim: &Claim) -> Facts {
    Facts {
        width: 640,
        height: 480,
        media_type: "image/jpeg".into(),
        derivative: format!("images/{}/g{}-{}/image.tif", claim.image, claim.generation, claim.token),
        size: 1000,
        thumbnail_size: 100,
    }
}

pub async fn finish(conn: &mut AsyncPgConnection, claim: &Claim) -> Outcome {
    let publish = |_| async { Ok::<(), Infallible>(()) };
    complete(conn, claim, &facts(claim), publish).await.unwrap()
}

pub async fn delete(conn: &mut AsyncPgConnection, key: &ImageKey) -> bool {
    delete_image(conn, key, &condition::always, || async { Ok::<(), Infallible>(()) }).await.unwrap()
}

/// Claims the fetch, ends it, and claims the processing.
pub async fn to_processing(conn: &mut AsyncPgConnection, hint: &Hint) -> Claim {
    let claimed = claim(conn, hint, "f").await.unwrap().unwrap();
    let next = fetched(conn, &claimed, &staged(&claimed)).await.unwrap().unwrap();
    claim(conn, &next.hint, "p").await.unwrap().unwrap()
}

pub fn bad(code: FailureCode) -> Failure {
    Failure::new(code, "because")
}

/// How far an item has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    Ready,
    Queued,
    Fetching,
    Fetched,
    Processing,
    Completed,
    Failed,
}

impl Reach {
    pub const ALL: [Self; 7] =
        [Self::Ready, Self::Queued, Self::Fetching, Self::Fetched, Self::Processing, Self::Completed, Self::Failed];

    /// Whether the item has ended.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// Registers an image of that name and brings it as far as `reach`; the claim is the last one made on the way.
pub async fn bring(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    name: &str,
    reach: Reach,
) -> (Accepted, Option<Claim>) {
    let accepted = accept(conn, &batch_of(customer, &[name])).await.unwrap();
    let hint = hint(&accepted, 0, Stage::Fetch);
    if reach == Reach::Ready {
        return (accepted, None);
    }
    while !dispatch_all(conn).await.iter().any(|d| d.hint == hint) {}
    if reach == Reach::Queued {
        return (accepted, None);
    }
    let fetching = claim(conn, &hint, "f").await.unwrap().unwrap();
    match reach {
        Reach::Failed => {
            assert_eq!(fail(conn, &fetching, &bad(FailureCode::OriginNotFound)).await.unwrap(), Failed::Ended);
            return (accepted, Some(fetching));
        }
        Reach::Fetching => return (accepted, Some(fetching)),
        _ => {}
    }
    let next = fetched(conn, &fetching, &staged(&fetching)).await.unwrap().unwrap();
    if reach == Reach::Fetched {
        return (accepted, Some(fetching));
    }
    let processing = claim(conn, &next.hint, "p").await.unwrap().unwrap();
    if reach == Reach::Completed {
        assert_eq!(finish(conn, &processing).await, Outcome::Done);
    }
    (accepted, Some(processing))
}

/// Rolls until nothing is left.
pub async fn settle(conn: &mut AsyncPgConnection) -> Vec<BatchId> {
    let mut finished = Vec::new();
    loop {
        let rolled = roll(conn).await.unwrap();
        if rolled.batches.is_empty() {
            return finished;
        }
        finished.extend(rolled.finished);
    }
}

pub async fn read(conn: &mut AsyncPgConnection, customer: CustomerId, id: BatchId) -> Batch {
    batch::get(conn, customer, id).await.unwrap().unwrap()
}

pub async fn outcome_of(conn: &mut AsyncPgConnection, batch: BatchId, ordinal: i32) -> ItemOutcome {
    item::outcome(conn, batch, ordinal).await.unwrap().unwrap()
}

pub async fn count(conn: &mut AsyncPgConnection, from: &str) -> i64 {
    sql_query(format!("SELECT count(*) AS n FROM {from}")).get_result::<Number>(conn).await.unwrap().n
}

/// What became of the output of an attempt at processing: it has a place in one of the three tables.
pub async fn whereabouts(conn: &mut AsyncPgConnection, claim: &Claim) -> Vec<&'static str> {
    let mut places = Vec::new();
    for (place, column) in [("lease", "token"), ("image", "ready_token"), ("discarded", "token")] {
        if count(conn, &format!("{place} WHERE {column} = '{}'", claim.token)).await > 0 {
            places.push(place);
        }
    }
    places
}

/// Makes time pass for leases, hints and waits.
pub async fn pass_time(conn: &mut AsyncPgConnection) {
    let sql = "UPDATE lease SET until = now() - interval '1 s'; UPDATE dispatch SET until = now() - interval '1 s'; \
               UPDATE item SET next_at = now() - interval '1 s' WHERE state = 'ready'; \
               UPDATE turn SET due = now() - interval '1 s' WHERE due IS NOT NULL";
    conn.batch_execute(sql).await.unwrap();
}

/// What must be true of every database at rest: counters equal recounts, nothing hangs on anything that ended.
pub async fn audit(conn: &mut AsyncPgConnection) {
    settle(conn).await;
    let faults = [
        ("lease of a closed item", "lease l JOIN item i USING (batch, ordinal) WHERE i.state <> 'running'"),
        (
            "running item without lease",
            "item i LEFT JOIN lease l USING (batch, ordinal) WHERE i.state = 'running' AND l IS NULL",
        ),
        (
            "queued item without hint",
            "item i LEFT JOIN dispatch d USING (batch, ordinal) WHERE i.state = 'queued' AND d IS NULL",
        ),
        (
            "hint of an item that is not queued",
            "dispatch d JOIN item i USING (batch, ordinal) WHERE i.state <> 'queued'",
        ),
        (
            "ready item whose customer has no turn",
            "item i LEFT JOIN turn t ON t.customer = i.customer AND t.stage = i.stage \
            AND t.lane = i.lane WHERE i.state = 'ready' AND (t.due IS NULL OR t.due > i.next_at)",
        ),
        (
            "batch off its recount",
            "batch b JOIN (SELECT batch, count(*) FILTER (WHERE state = 'completed') AS c, \
            count(*) FILTER (WHERE state = 'error') AS e FROM item GROUP BY batch) r ON r.batch = b.id \
            WHERE (b.completed, b.errors) <> (r.c, r.e)",
        ),
        (
            "batch off its latest images",
            "batch b WHERE b.count - b.gone <> \
            (SELECT count(*) FROM image m WHERE m.batch = b.id AND m.deleted_at IS NULL)",
        ),
        ("batch finished wrongly", "batch WHERE (finished IS NOT NULL) <> (completed + errors = count)"),
        (
            "open item of a deleted or older registration",
            "item i JOIN image m ON m.customer = i.customer AND m.space = i.space \
            AND m.id = i.image WHERE i.finished IS NULL AND (m.deleted_at IS NOT NULL OR m.generation <> i.generation)",
        ),
        (
            "image unlike its newest item",
            "image m JOIN item i ON i.batch = m.batch AND i.ordinal = m.ordinal \
            WHERE m.deleted_at IS NULL AND ((m.finished IS NULL) <> (i.finished IS NULL) \
            OR m.error_code IS DISTINCT FROM i.error_code)",
        ),
        (
            "space off its recount",
            "space s WHERE (s.images, s.stored, s.size) <> (SELECT count(*), \
            count(m.size), coalesce(sum(m.size), 0) FROM image m \
            WHERE m.customer = s.customer AND m.space = s.id AND m.deleted_at IS NULL)",
        ),
    ];
    for (fault, from) in faults {
        assert_eq!(count(conn, from).await, 0, "{fault}");
    }
}

/// Dispatches everything there is, whatever the stage.
pub async fn dispatch_all(conn: &mut AsyncPgConnection) -> Vec<Dispatched> {
    let mut all = Vec::new();
    for stage in Stage::ALL {
        all.extend(dispatch(conn, *stage, &DispatchLimits::default()).await.unwrap());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_together_migrate_once() {
    let test = TestDb::new().await;
    let again = futures::future::join_all((0..8).map(|_| test.db.migrate())).await;
    assert!(again.iter().all(Result::is_ok), "{again:?}");
    test.db.ready().await.unwrap();
}

/// Dispatches and claims the one item that is ready.
pub async fn take_next(conn: &mut AsyncPgConnection) -> Claim {
    let out = dispatch_all(conn).await;
    assert_eq!(out.len(), 1);
    claim(conn, &out[0].hint, "w").await.unwrap().unwrap()
}
