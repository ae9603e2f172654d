//! Many at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use dlcs_model::{FailureCode, Stage};
use futures::future::{join, join_all, join3};

use crate::queue::*;
use crate::testing::*;

/// Workers take everything to its end while other tasks register, delete and cancel the same images, the sweeper takes
/// leases away, and a reader watches the counters. Nothing may fail, deadlock, hang, or be counted wrongly.
#[tokio::test(flavor = "multi_thread")]
async fn everything_at_once_adds_up() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let names = names("i", 40);
    let first = accept(&mut *test.conn().await, &batch_of(customer, &names)).await.unwrap();
    let busy = AtomicBool::new(true);
    let done = AtomicUsize::new(0);
    let workers = join_all((0..6).map(|worker| {
        let (test, busy, done) = (&test, &busy, &done);
        async move {
            while busy.load(Ordering::Acquire) {
                let conn = &mut test.conn().await;
                for out in dispatch_all(conn).await {
                    work(conn, &out, worker, done).await;
                }
                sweep(conn).await.unwrap();
                roll(conn).await.unwrap();
            }
        }
    }));
    let meddlers = join_all((0..4).map(|meddler| meddle(&test, customer, &names, meddler)));
    let meddling = async {
        meddlers.await;
        let conn = &mut test.conn().await;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        while count(conn, "item WHERE finished IS NULL").await > 0 {
            assert!(tokio::time::Instant::now() < deadline, "something hangs");
            pass_time(conn).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        busy.store(false, Ordering::Release);
    };
    let watching = async {
        let (mut seen, mut finished) = (0, None);
        while busy.load(Ordering::Acquire) {
            let batch = read(&mut *test.conn().await, customer, first.batch).await;
            assert!(batch.completed + batch.errors >= seen, "progress went backwards");
            assert!(finished.is_none() || finished == batch.finished, "the end moved");
            (seen, finished) = (batch.completed + batch.errors, batch.finished);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    join3(workers, meddling, watching).await;
    let conn = &mut test.conn().await;
    audit(conn).await;
    let completed = count(conn, "item WHERE state = 'completed'").await;
    assert_eq!(
        usize::try_from(completed).unwrap(),
        done.load(Ordering::Acquire),
        "each completion was told to one worker"
    );
    assert_eq!(count(conn, "batch WHERE finished IS NULL").await, 0);
    assert_eq!(count(conn, "lease").await + count(conn, "dispatch").await + count(conn, "batch_delta").await, 0);
}

/// Registers, deletes and cancels what the others are working on.
async fn meddle(test: &TestDb, customer: dlcs_model::CustomerId, names: &[String], meddler: usize) {
    for round in 0..12 {
        let conn = &mut test.conn().await;
        let part = &names[(round * 3 + meddler) % 20..][..15];
        let accepted = accept(conn, &batch_of(customer, part)).await.unwrap();
        match (round + meddler) % 3 {
            0 => drop(delete(conn, &key(customer, &part[4])).await),
            1 => drop(cancel_batch(conn, customer, accepted.batch).await.unwrap()),
            _ => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

/// Works on what was handed out: now and then badly, now and then not at all.
async fn work(conn: &mut crate::AsyncPgConnection, out: &Dispatched, worker: usize, done: &AtomicUsize) {
    let Some(claimed) = claim(conn, &out.hint, "w").await.unwrap() else { return };
    match (rand::random_range(0..20), claimed.stage) {
        (0, _) => {}
        (1, _) => drop(fail(conn, &claimed, &bad(FailureCode::OriginTimeout)).await.unwrap()),
        (2, _) => drop(fail(conn, &claimed, &bad(FailureCode::NotAnImage)).await.unwrap()),
        (_, Stage::Fetch) => drop(fetched(conn, &claimed, &staged(&claimed)).await.unwrap()),
        (_, Stage::Process) => {
            tokio::time::sleep(Duration::from_millis(worker as u64)).await;
            if finish(conn, &claimed).await == Outcome::Done {
                done.fetch_add(1, Ordering::AcqRel);
                assert_eq!(finish(conn, &claimed).await, Outcome::AlreadyDone);
            }
        }
    }
}

/// A claim and a newer registration of the same image meet; whichever comes first, the older one cannot finish once the
/// newer is accepted, and never is there a lease that a supersede has missed.
#[tokio::test(flavor = "multi_thread")]
async fn a_claim_cannot_slip_past_a_newer_registration() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    for round in 0..60 {
        let name = format!("r{round}");
        let (old, _) = bring(&mut *test.conn().await, customer, &name, Reach::Queued).await;
        let hint = hint(&old, 0, Stage::Fetch);
        let (mut a, mut b) = (test.conn().await, test.conn().await);
        let claiming = async { claim(&mut a, &hint, "w").await.unwrap() };
        let again = batch_of(customer, &[&name]);
        let registering = async { accept(&mut b, &again).await.unwrap() };
        let (claimed, newer) = join(claiming, registering).await;
        let conn = &mut test.conn().await;
        if let Some(claimed) = claimed {
            assert!(!heartbeat(conn, &claimed).await.unwrap());
            assert_eq!(fetched(conn, &claimed, &staged(&claimed)).await.unwrap(), None);
        }
        assert_eq!(outcome_of(conn, old.batch, 0).await.failure_code(), Some(FailureCode::Superseded));
        assert_eq!(count(conn, "lease").await, 0);
        cancel_batch(conn, customer, newer.batch).await.unwrap();
    }
    audit(&mut *test.conn().await).await;
}

/// A restart of Postgres, as far as a connection can tell: it is ended, and the pool gives out a working one.
#[tokio::test(flavor = "multi_thread")]
async fn broken_connections_are_replaced() {
    let test = TestDb::new().await;
    let mut lost = test.conn().await;
    let others = join_all((0..4).map(|_| test.conn())).await;
    drop(others);
    let mut admin = test.conn().await;
    let kill = "(SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()) k";
    assert!(count(&mut admin, kill).await >= 4);
    let error = crate::batch::queue_size(&mut lost, dlcs_model::CustomerId(1), None).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    drop((lost, admin));
    for result in join_all((0..16).map(|_| test.db.ready())).await {
        result.unwrap();
    }
}
