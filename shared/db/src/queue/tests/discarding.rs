//! What was stored and is not served, or no longer, is noted: exactly that, and given out once.

use std::time::Duration;

use dlcs_model::{CustomerId, FailureCode, ImageKey, SpaceId, limits};

use crate::AsyncPgConnection;
use crate::queue::discarded::{Discarded, discarded, forget};
use crate::queue::*;
use crate::testing::*;

/// Registers an image and brings it as far as `reach`, which is beyond fetching.
async fn attempt(conn: &mut AsyncPgConnection, customer: CustomerId, name: &str, reach: Reach) -> Claim {
    bring(conn, customer, name, reach).await.1.unwrap()
}

fn output(claim: &Claim) -> Discarded {
    let Claim { image, generation, token, .. } = claim.clone();
    Discarded { image, generation, token }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_publishes_nothing_is_discarded() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let mut attempts = Vec::new();
    for name in ["superseded", "cancelled", "deleted", "deleted-in-bulk", "failed", "released"] {
        attempts.push(attempt(conn, customer, name, Reach::Processing).await);
        assert_eq!(whereabouts(conn, attempts.last().unwrap()).await, ["lease"], "{name}");
    }
    let [_, cancelled, _, _, failed, released] = &attempts[..] else { panic!() };
    accept(conn, &batch_of(customer, &["superseded"])).await.unwrap();
    cancel_batch(conn, customer, cancelled.batch).await.unwrap();
    delete(conn, &key(customer, "deleted")).await;
    delete_images(conn, customer, &[(SpaceId(1), id("deleted-in-bulk"))]).await.unwrap();
    assert_eq!(fail(conn, failed, &bad(FailureCode::NotAnImage)).await.unwrap(), Failed::Ended);
    assert!(release(conn, released).await.unwrap());
    for claim in &attempts {
        assert_eq!(whereabouts(conn, claim).await, ["discarded"], "{}", claim.image);
    }
    for reach in [Reach::Fetching, Reach::Failed] {
        let claim = attempt(conn, customer, &format!("{reach:?}"), reach).await;
        cancel_batch(conn, customer, claim.batch).await.unwrap();
        assert_eq!(whereabouts(conn, &claim).await, [""; 0], "it stored nothing");
    }
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_worker_leaves_its_output_behind() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let mut claim_ = attempt(conn, customer, "x", Reach::Processing).await;
    for lost in 1..=limits::INTERRUPTS {
        pass_time(conn).await;
        sweep(conn).await.unwrap();
        assert_eq!(whereabouts(conn, &claim_).await, ["discarded"], "{lost}");
        assert_eq!(count(conn, "discarded").await, i64::from(lost));
        pass_time(conn).await;
        let Some(next) = dispatch_all(conn).await.pop() else { break };
        claim_ = claim(conn, &next.hint, "p").await.unwrap().unwrap();
    }
    let ended = outcome_of(conn, claim_.batch, claim_.ordinal).await;
    assert_eq!(ended.failure_code(), Some(FailureCode::DecoderCrash));
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_is_kept_until_something_newer_is() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let first = attempt(conn, customer, "x", Reach::Completed).await;
    let kept = attempt(conn, customer, "kept", Reach::Completed).await;
    let bulk = attempt(conn, customer, "bulk", Reach::Completed).await;
    attempt(conn, customer, "x", Reach::Processing).await;
    assert_eq!(whereabouts(conn, &first).await, ["image"], "while the newer one is on its way");
    let second = attempt(conn, customer, "x", Reach::Completed).await;
    let places = (whereabouts(conn, &first).await, whereabouts(conn, &second).await);
    assert_eq!(places, (vec!["discarded"], vec!["image"]));
    assert_eq!(finish(conn, &second).await, Outcome::AlreadyDone);
    assert_eq!(finish(conn, &first).await, Outcome::AlreadyDone, "however late it asks");
    delete(conn, &key(customer, "x")).await;
    let names: Vec<ImageKey> = delete_images(conn, customer, &[(SpaceId(1), id("bulk"))]).await.unwrap();
    assert_eq!(names, [key(customer, "bulk")]);
    for (claim, place) in [(&second, "discarded"), (&bulk, "discarded"), (&kept, "image")] {
        assert_eq!(whereabouts(conn, claim).await, [place], "{}", claim.image);
    }
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_discarded_is_given_out_once() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let mut expected = Vec::new();
    for name in ["a", "b", "c"] {
        let claim = attempt(conn, customer, name, Reach::Completed).await;
        delete(conn, &key(customer, name)).await;
        expected.push(output(&claim));
    }
    assert_eq!(discarded(conn, Duration::from_secs(60), 9).await.unwrap(), [], "it may still be read");
    let mut taken = discarded(conn, Duration::ZERO, 2).await.unwrap();
    assert_eq!(taken.len(), 2);
    taken.extend(discarded(conn, Duration::ZERO, 2).await.unwrap());
    assert_eq!(discarded(conn, Duration::ZERO, 9).await.unwrap(), []);
    taken.sort_by(|a, b| a.image.id.as_str().cmp(b.image.id.as_str()));
    assert_eq!(taken, expected);
    forget(conn, &[taken[0].token, taken[2].token]).await.unwrap();
    assert_eq!(count(conn, "discarded").await, 1);
}
