//! The rules of the queue, one by one, against a real Postgres.

use dlcs_model::{FailureCode, Lane, Stage};

use super::*;
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
    let space = space::get(conn, customer, dlcs_model::SpaceId(1)).await.unwrap().unwrap();
    assert_eq!((space.images, space.stored, space.size, space.thumbnail_size), (2, 1, 1000, 100));
    audit(conn).await;
}
