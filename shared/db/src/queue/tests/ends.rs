//! Superseding, deleting and cancelling, wherever an item stands.

use dlcs_model::{BatchId, CustomerId, FailureCode, ItemState};

use crate::image as images;
use crate::queue::*;
use crate::testing::*;

/// Whatever the worker that had the item tries now is refused.
async fn refused(conn: &mut crate::AsyncPgConnection, claim: Option<&Claim>, reach: Reach) {
    let Some(claim) = claim else { return };
    assert!(!heartbeat(conn, claim).await.unwrap(), "{reach:?}");
    assert_eq!(fail(conn, claim, &bad(FailureCode::OriginTimeout)).await.unwrap(), Failed::Fenced, "{reach:?}");
    let expected = if reach == Reach::Completed { Outcome::AlreadyDone } else { Outcome::Fenced };
    assert_eq!(finish(conn, claim).await, expected, "{reach:?}");
    assert_eq!(fetched(conn, claim, &staged(claim)).await.unwrap(), None, "{reach:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_registration_wins_wherever_the_older_stands() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    for reach in Reach::ALL {
        let name = format!("{reach:?}");
        let (old, claim) = bring(conn, customer, &name, reach).await;
        let new = accept(conn, &batch_of(customer, &[&name])).await.unwrap();
        assert_eq!((new.members[0].generation, new.members[0].created), (2, false));
        refused(conn, claim.as_ref(), reach).await;
        let outcome = outcome_of(conn, old.batch, 0).await;
        if !reach.is_final() {
            assert_eq!(outcome.failure_code(), Some(FailureCode::Superseded), "{reach:?}");
        }
        settle(conn).await;
        let batch = read(conn, customer, old.batch).await;
        assert_eq!((batch.completed + batch.errors, batch.superseded()), (1, true), "{reach:?}");
        let image = images::get(conn, &key(customer, &name)).await.unwrap().unwrap();
        assert_eq!((image.ingesting(), image.batch), (true, new.batch));
        assert_eq!(image.ready_generation, (reach == Reach::Completed).then_some(1), "served until the new one is");
        let claim = to_processing(conn, &hint(&new, 0, dlcs_model::Stage::Fetch)).await;
        assert_eq!(finish(conn, &claim).await, Outcome::Done);
        audit(conn).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_image_stays_deleted() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    for reach in Reach::ALL {
        let name = format!("{reach:?}");
        let (old, claim) = bring(conn, customer, &name, reach).await;
        assert!(delete(conn, &key(customer, &name)).await);
        assert!(!delete(conn, &key(customer, &name)).await);
        refused(conn, claim.as_ref(), reach).await;
        assert_eq!(images::get(conn, &key(customer, &name)).await.unwrap(), None, "{reach:?}");
        if !reach.is_final() {
            assert_eq!(outcome_of(conn, old.batch, 0).await.failure_code(), Some(FailureCode::Deleted), "{reach:?}");
        }
        audit(conn).await;
        let mut bare = batch_of(customer, &[&name]);
        bare.members[0].origin = None;
        assert!(matches!(accept(conn, &bare).await, Err(AcceptError::MissingOrigins(o)) if o == [0]));
        let (again, _) = bring(conn, customer, &name, Reach::Completed).await;
        assert_eq!((again.members[0].created, again.members[0].generation), (true, 3));
        audit(conn).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_cannot_be_withdrawn_is_not_deleted() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    bring(conn, customer, "x", Reach::Completed).await;
    let refused =
        delete_image(conn, &key(customer, "x"), &crate::condition::always, || async { Err("store is down") }).await;
    assert!(matches!(refused, Err(DeleteError::Withdraw("store is down"))));
    assert_eq!(images::get(conn, &key(customer, "x")).await.unwrap().unwrap().ready_generation, Some(1));
    audit(conn).await;
}

async fn cancelled(conn: &mut crate::AsyncPgConnection, customer: CustomerId, batch: BatchId) -> Option<usize> {
    cancel_batch(conn, customer, batch).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_batch_ends_what_is_open() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let stranger = test.customer("b").await;
    let conn = &mut test.conn().await;
    for reach in Reach::ALL {
        let name = format!("{reach:?}");
        let (accepted, claim) = bring(conn, customer, &name, reach).await;
        assert_eq!(cancelled(conn, stranger, accepted.batch).await, None, "someone else's");
        assert_eq!(cancelled(conn, customer, accepted.batch).await, Some(usize::from(!reach.is_final())), "{reach:?}");
        assert_eq!(cancelled(conn, customer, accepted.batch).await, Some(0), "{reach:?}");
        refused(conn, claim.as_ref(), reach).await;
        let outcome = outcome_of(conn, accepted.batch, 0).await;
        if !reach.is_final() {
            let expected = (ItemState::Error, Some(FailureCode::Cancelled));
            assert_eq!((outcome.item_state, outcome.failure_code()), expected, "{reach:?}");
        }
        assert_eq!(settle(conn).await, [accepted.batch]);
        let stopped = read(conn, customer, accepted.batch).await.cancelled.is_some();
        assert_eq!(stopped, !reach.is_final(), "what has finished cannot be cancelled any more: {reach:?}");
        audit(conn).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_batchs_own_latest_failures_are_retried() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let accepted = accept(conn, &batch_of(customer, &["bad", "gone", "newer", "good"])).await.unwrap();
    cancelled(conn, customer, accepted.batch).await;
    delete(conn, &key(customer, "gone")).await;
    bring(conn, customer, "newer", Reach::Ready).await;
    bring(conn, customer, "good", Reach::Completed).await;
    let failed = crate::item::failed(conn, customer, accepted.batch).await.unwrap();
    assert_eq!(failed, [(dlcs_model::SpaceId(1), id("bad"))]);
    let members = failed.into_iter().map(|(space, id)| NewImage::named(space, id)).collect();
    let retry = accept(conn, &NewBatch { members, ..batch_of::<&str>(customer, &[]) }).await.unwrap();
    assert_eq!(retry.members[0].generation, 2);
    let image = images::get(conn, &key(customer, "bad")).await.unwrap().unwrap();
    assert_eq!(image.origin, "https://origin.test/bad.jpg");
    audit(conn).await;
}
