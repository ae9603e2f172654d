//! The path of one item: forward, again, and back.

use std::time::Duration;

use chrono::Utc;
use dlcs_model::{Failure, FailureCode, ItemState, Lane, SpaceId, Stage, limits};

use crate::queue::*;
use crate::testing::*;
use crate::{image as images, space};

#[tokio::test(flavor = "multi_thread")]
async fn an_item_goes_all_the_way() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let accepted = accept(conn, &batch_of(customer, &["x", "y"])).await.unwrap();
    assert!(accepted.hints.is_empty() && accepted.members.iter().all(|m| m.created && m.generation == 1));
    let out = dispatch(conn, Stage::Fetch, &DispatchLimits::default()).await.unwrap();
    assert_eq!(out.iter().map(|d| d.hint.ordinal).collect::<Vec<_>>(), [0, 1]);
    assert_eq!(out[0], Dispatched { lane: Lane::Normal, hint: hint(&accepted, 0, Stage::Fetch) });
    assert!(dispatch_all(conn).await.is_empty());

    let first = claim(conn, &out[0].hint, "w").await.unwrap().unwrap();
    assert_eq!((first.origin.as_str(), first.attempt), ("https://origin.test/x.jpg", 1));
    assert_eq!(claim(conn, &out[0].hint, "w").await.unwrap(), None, "a repeated hint");
    assert!(heartbeat(conn, &first).await.unwrap());
    let next = fetched(conn, &first, &staged(&first)).await.unwrap().unwrap();
    assert_eq!(fetched(conn, &first, &staged(&first)).await.unwrap(), Some(next), "the answer was lost");
    assert!(!heartbeat(conn, &first).await.unwrap());
    let second = claim(conn, &next.hint, "w").await.unwrap().unwrap();
    assert_eq!(second.staged, Some(staged(&first)));
    assert_eq!(finish(conn, &second).await, Outcome::Done);
    assert_eq!(finish(conn, &second).await, Outcome::AlreadyDone);

    let other = claim(conn, &out[1].hint, "w").await.unwrap().unwrap();
    assert_eq!(fail(conn, &other, &bad(FailureCode::OriginNotFound)).await.unwrap(), Failed::Ended);
    assert_eq!(fail(conn, &other, &bad(FailureCode::OriginNotFound)).await.unwrap(), Failed::Fenced);
    assert_eq!(settle(conn).await, [accepted.batch]);
    let batch = read(conn, customer, accepted.batch).await;
    assert_eq!((batch.count, batch.completed, batch.errors), (2, 1, 1));
    assert!(batch.finished.is_some() && batch.started.is_some());
    let x = images::get(conn, &key(customer, "x")).await.unwrap().unwrap();
    assert_eq!((x.width, x.attempts, x.ready_generation, x.ingesting()), (Some(640), 1, Some(1), false));
    let y = images::get(conn, &key(customer, "y")).await.unwrap().unwrap();
    assert_eq!((y.failure_code(), y.error.as_deref()), (Some(FailureCode::OriginNotFound), Some("because")));
    let space = space::get(conn, customer, SpaceId(1)).await.unwrap().unwrap();
    assert_eq!((space.images, space.stored, space.size, space.thumbnail_size), (2, 1, 1000, 100));
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_batch_is_told_once() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let (accepted, _) = bring(conn, customer, "x", Reach::Completed).await;
    settle(conn).await;
    let finished = read(conn, customer, accepted.batch).await.finished;
    let pending = crate::outbox::take(conn, 10).await.unwrap();
    let expected = dlcs_messages::Event::BatchFinished { batch: accepted.batch };
    assert_eq!(pending.iter().map(|p| &p.event).collect::<Vec<_>>(), [&expected]);
    assert!(crate::outbox::take(conn, 10).await.unwrap().is_empty(), "taken by someone");
    crate::outbox::done(conn, &[pending[0].id]).await.unwrap();
    // A newer registration touches the counters of the old batch, but neither its end nor its event.
    bring(conn, customer, "x", Reach::Ready).await;
    settle(conn).await;
    let batch = read(conn, customer, accepted.batch).await;
    assert_eq!((batch.finished, batch.superseded()), (finished, true));
    assert_eq!(count(conn, "outbox").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immediate_registration_is_handed_out_at_once() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let new = NewBatch { lane: Lane::Priority, immediate: true, ..batch_of(customer, &["x"]) };
    let accepted = accept(conn, &new).await.unwrap();
    assert_eq!(accepted.hints, [Dispatched { lane: Lane::Priority, hint: hint(&accepted, 0, Stage::Fetch) }]);
    assert!(dispatch_all(conn).await.is_empty(), "it is on its way");
    assert_eq!(crate::batch::get(conn, customer, accepted.batch).await.unwrap(), None, "hidden");
    assert_eq!(crate::batch::queue_size(conn, customer, None).await.unwrap().size, 0);
    let claimed = claim(conn, &accepted.hints[0].hint, "w").await.unwrap().unwrap();
    assert!(claimed.immediate);
    audit(conn).await;
    // Had the hint been lost, the sweeper would have found it.
    let again = accept(conn, &new).await.unwrap();
    pass_time(conn).await;
    assert_eq!(sweep(conn).await.unwrap().hints, 1);
    assert_eq!(dispatch_all(conn).await, again.hints);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_initial_origin_serves_until_the_image_was_ready_once() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let mut new = batch_of(customer, &["x"]);
    new.members[0].initial_origin = Some("https://first.test/x".into());
    let accepted = accept(conn, &new).await.unwrap();
    let processing = to_processing(conn, &hint(&accepted, 0, Stage::Fetch)).await;
    assert_eq!(processing.origin, "https://first.test/x");
    let (_, again) = bring(conn, customer, "x", Reach::Fetching).await;
    assert_eq!(again.unwrap().origin, "https://first.test/x", "never ready so far");
    bring(conn, customer, "x", Reach::Completed).await;
    let (_, later) = bring(conn, customer, "x", Reach::Fetching).await;
    assert_eq!(later.unwrap().origin, "https://origin.test/x.jpg");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transient_failure_waits_and_is_charged() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let (accepted, claimed) = bring(conn, customer, "x", Reach::Fetching).await;
    let wish = bad(FailureCode::OriginTimeout).transient(Some(Duration::from_secs(600)));
    let Failed::Retry { at, stage } = fail(conn, &claimed.unwrap(), &wish).await.unwrap() else { panic!("it ended") };
    assert_eq!(stage, Stage::Fetch);
    assert!((550..=600).contains(&(at - Utc::now()).num_seconds()), "{at}");
    assert!(dispatch_all(conn).await.is_empty(), "not before its time");
    let hint = hint(&accepted, 0, Stage::Fetch);
    for attempt in 2..=limits::FETCH_ATTEMPTS {
        pass_time(conn).await;
        assert_eq!(dispatch_all(conn).await.len(), 1);
        let claimed = claim(conn, &hint, "w").await.unwrap().unwrap();
        assert_eq!(claimed.attempt, attempt);
        let failed = fail(conn, &claimed, &bad(FailureCode::OriginTimeout)).await.unwrap();
        assert_eq!(failed == Failed::Ended, attempt == limits::FETCH_ATTEMPTS, "{attempt}");
    }
    let outcome = outcome_of(conn, accepted.batch, 0).await;
    assert_eq!((outcome.item_attempts, outcome.failure_code()), (6, Some(FailureCode::OriginTimeout)));
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn doubtful_bytes_are_fetched_once_more() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let (accepted, claimed) = bring(conn, customer, "x", Reach::Processing).await;
    let failure = bad(FailureCode::CorruptImage);
    let failed = fail(conn, &claimed.unwrap(), &failure).await.unwrap();
    assert!(matches!(failed, Failed::Retry { stage: Stage::Fetch, .. }), "{failed:?}");
    pass_time(conn).await;
    let again = take_next(conn).await;
    assert_eq!((again.stage, again.staged.clone(), again.attempt), (Stage::Fetch, None, 2));
    let next = fetched(conn, &again, &staged(&again)).await.unwrap().unwrap();
    let last = claim(conn, &next.hint, "w").await.unwrap().unwrap();
    assert_eq!(fail(conn, &last, &failure).await.unwrap(), Failed::Ended);
    assert_eq!(outcome_of(conn, accepted.batch, 0).await.failure_code(), Some(FailureCode::CorruptImage));
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_troubles_cost_the_item_nothing() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let (_, claimed) = bring(conn, customer, "x", Reach::Processing).await;
    let mut claimed = claimed.unwrap();
    for _ in 0..12 {
        let failed = fail(conn, &claimed, &Failure::internal()).await.unwrap();
        let Failed::Retry { at, stage: Stage::Process } = failed else { panic!("{failed:?}") };
        assert!((at - Utc::now()).num_seconds() <= 32);
        pass_time(conn).await;
        claimed = take_next(conn).await;
        assert_eq!(claimed.attempt, 1);
        assert!(release(conn, &claimed).await.unwrap());
        assert!(!release(conn, &claimed).await.unwrap());
        claimed = take_next(conn).await;
        assert_eq!((claimed.attempt, claimed.interrupts), (1, 0), "a worker that stops costs nothing either");
    }
    assert_eq!(finish(conn, &claimed).await, Outcome::Done);
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_lost_its_lease_changes_nothing() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let (accepted, stale) = bring(conn, customer, "x", Reach::Processing).await;
    let stale = stale.unwrap();
    pass_time(conn).await;
    assert_eq!(sweep(conn).await.unwrap().interrupted, 1);
    assert_eq!(sweep(conn).await.unwrap(), Swept::default());
    pass_time(conn).await;
    let fresh = take_next(conn).await;
    assert_ne!(fresh.token, stale.token);
    assert_eq!((fresh.attempt, fresh.interrupts), (1, 1));
    assert!(!heartbeat(conn, &stale).await.unwrap());
    let published = async |_| -> Result<(), std::convert::Infallible> { panic!("a stale worker published") };
    assert_eq!(complete(conn, &stale, &facts(&stale), published).await.unwrap(), Outcome::Fenced);
    assert_eq!(fail(conn, &stale, &bad(FailureCode::NotAnImage)).await.unwrap(), Failed::Fenced);
    assert_eq!(fetched(conn, &stale, &staged(&stale)).await.unwrap(), None);
    assert_eq!(finish(conn, &fresh).await, Outcome::Done);
    assert_eq!(finish(conn, &stale).await, Outcome::Fenced);
    settle(conn).await;
    assert_eq!(read(conn, customer, accepted.batch).await.completed, 1);
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_that_costs_too_many_workers_ends() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let (accepted, _) = bring(conn, customer, "x", Reach::Fetching).await;
    let hint = hint(&accepted, 0, Stage::Fetch);
    for lost in 1..limits::INTERRUPTS {
        pass_time(conn).await;
        assert_eq!(sweep(conn).await.unwrap().interrupted, 1);
        assert_eq!(claim(conn, &hint, "w").await.unwrap().unwrap().interrupts, lost);
    }
    pass_time(conn).await;
    assert_eq!(sweep(conn).await.unwrap().ended, 1);
    let outcome = outcome_of(conn, accepted.batch, 0).await;
    assert_eq!((outcome.item_state, outcome.failure_code()), (ItemState::Error, Some(FailureCode::DecoderCrash)));
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hint_that_nobody_took_up_goes_out_again() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let (accepted, _) = bring(conn, customer, "x", Reach::Queued).await;
    assert_eq!(sweep(conn).await.unwrap(), Swept::default(), "it is not overdue");
    pass_time(conn).await;
    assert_eq!(sweep(conn).await.unwrap().hints, 1);
    let again = dispatch_all(conn).await;
    assert_eq!(again.len(), 1);
    undispatch(conn, &again, 0).await.unwrap();
    assert_eq!(dispatch_all(conn).await, again, "taken back because it could not be published");
    assert!(claim(conn, &again[0].hint, "w").await.unwrap().is_some());
    assert!(claim(conn, &hint(&accepted, 0, Stage::Fetch), "w").await.unwrap().is_none(), "the first hint, late");
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_changed_when_publishing_fails() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let (_, claimed) = bring(conn, customer, "x", Reach::Processing).await;
    let claimed = claimed.unwrap();
    let refused = complete(conn, &claimed, &facts(&claimed), |_| async { Err("store is down") }).await;
    assert!(matches!(refused, Err(CompleteError::Publish("store is down"))));
    assert!(heartbeat(conn, &claimed).await.unwrap(), "the worker still has it");
    assert_eq!(images::get(conn, &key(customer, "x")).await.unwrap().unwrap().ready_generation, None);
    audit(conn).await;
    assert_eq!(finish(conn, &claimed).await, Outcome::Done);
    audit(conn).await;
}

#[tokio::test]
async fn sent_bytes_are_processed_at_once_and_kept_until_the_end() {
    let test = TestDb::new().await;
    let customer = test.customer("c").await;
    let conn = &mut test.conn().await;
    let accepted = accept(conn, &upload_of(customer, "x")).await.unwrap();
    let hint = accepted.hints[0].hint;
    assert_eq!(hint.stage, Stage::Process);
    let first = claim(conn, &hint, "p").await.unwrap().unwrap();
    assert_eq!(first.staged.as_ref().unwrap().key, format!("uploads/{customer}/x"));
    let again = fail(conn, &first, &bad(FailureCode::Internal)).await.unwrap();
    assert!(matches!(again, Failed::Retry { stage: Stage::Process, .. }));
    pass_time(conn).await;
    let hint = dispatch_all(conn).await[0].hint;
    let second = claim(conn, &hint, "p").await.unwrap().unwrap();
    assert_eq!(second.staged, first.staged);
    assert_eq!(fail(conn, &second, &bad(FailureCode::CorruptImage)).await.unwrap(), Failed::Ended);
    audit(conn).await;
}

#[tokio::test]
async fn sent_bytes_take_the_place_of_the_origin_until_there_is_one_again() {
    let test = TestDb::new().await;
    let customer = test.customer("c").await;
    let conn = &mut test.conn().await;
    let mut first = batch_of(customer, &["x"]);
    first.members[0].initial_origin = Some("https://origin.test/first.jpg".into());
    accept(conn, &first).await.unwrap();
    accept(conn, &upload_of(customer, "x")).await.unwrap();
    let row = images::get(conn, &key(customer, "x")).await.unwrap().unwrap();
    assert_eq!((row.origin.as_str(), row.initial_origin), ("", None));
    let mut bare = batch_of(customer, &["x"]);
    bare.members[0].origin = None;
    assert!(matches!(accept(conn, &bare).await, Err(AcceptError::BytesOnly(o)) if o == [0]));
    let accepted = accept(conn, &batch_of(customer, &["x"])).await.unwrap();
    let hint = dispatch_all(conn).await[0].hint;
    assert_eq!((hint.batch, hint.stage), (accepted.batch, Stage::Fetch));
    audit(conn).await;
}

#[tokio::test]
async fn bytes_are_orphans_once_no_attempt_and_no_open_item_needs_them() {
    let test = TestDb::new().await;
    let customer = test.customer("c").await;
    let conn = &mut test.conn().await;
    let sent = StagedAt { key: format!("uploads/{customer}/u"), place: None };
    let upload = accept(conn, &upload_of(customer, "u")).await.unwrap();
    accept(conn, &batch_of(customer, &["x"])).await.unwrap();
    let hint = dispatch_all(conn).await[0].hint;
    let fetching = claim(conn, &hint, "f").await.unwrap().unwrap();
    let place = Some((fetching.batch, fetching.ordinal, fetching.token));
    let fetched_bytes = StagedAt { key: staged(&fetching).key, place };
    let stray = StagedAt { key: "uploads/1/stray".into(), place: None };
    let all = [sent.clone(), fetched_bytes.clone(), stray.clone()];
    assert_eq!(orphans(conn, &all).await.unwrap(), [stray.key.clone()].into());
    let next = fetched(conn, &fetching, &staged(&fetching)).await.unwrap().unwrap();
    assert_eq!(orphans(conn, &all).await.unwrap(), [stray.key.clone()].into());
    let processing = claim(conn, &next.hint, "p").await.unwrap().unwrap();
    assert_eq!(finish(conn, &processing).await, Outcome::Done);
    let uploaded = claim(conn, &upload.hints[0].hint, "p").await.unwrap().unwrap();
    assert_eq!(orphans(conn, &all).await.unwrap(), [stray.key.clone(), fetched_bytes.key.clone()].into());
    assert_eq!(finish(conn, &uploaded).await, Outcome::Done);
    assert_eq!(orphans(conn, &all).await.unwrap(), all.map(|object| object.key).into());
}
