//! Who gets its turn when, and how much may be on its way.

use std::collections::HashSet;

use dlcs_model::{CustomerId, Lane, Stage};

use crate::queue::*;
use crate::testing::*;

const LIMITS: DispatchLimits = DispatchLimits { depth: 32, process_backlog: 10 };

/// One round: what goes out is taken up at once by workers that never finish.
async fn round(conn: &mut crate::AsyncPgConnection) -> Vec<Claim> {
    let mut claims = Vec::new();
    for out in dispatch(conn, Stage::Fetch, &LIMITS).await.unwrap() {
        claims.push(claim(conn, &out.hint, "w").await.unwrap().unwrap());
    }
    claims
}

fn of(claims: &[Claim], customer: CustomerId) -> usize {
    claims.iter().filter(|claim| claim.image.customer == customer).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_backlog_delays_nobody_else() {
    let test = TestDb::new().await;
    let (large, small) = (test.customer("large").await, test.customer("small").await);
    let conn = &mut test.conn().await;
    for part in ["a", "b"] {
        accept(conn, &batch_of(large, &names(part, 10_000))).await.unwrap();
    }
    assert_eq!(of(&round(conn).await, large), 32);
    round(conn).await;
    accept(conn, &batch_of(small, &names("s", 20))).await.unwrap();
    let (first, second) = (round(conn).await, round(conn).await);
    assert_eq!(of(&first, small) + of(&second, small), 20, "two rounds for everything");
    assert!(of(&first, large) > 0, "and the large one goes on");
    assert_eq!(of(&round(conn).await, large), 32);
}

#[tokio::test(flavor = "multi_thread")]
async fn having_been_idle_is_no_credit() {
    let test = TestDb::new().await;
    let (early, late) = (test.customer("early").await, test.customer("late").await);
    let conn = &mut test.conn().await;
    accept(conn, &batch_of(late, &["l"])).await.unwrap();
    round(conn).await;
    accept(conn, &batch_of(early, &names("e", 2_000))).await.unwrap();
    for _ in 0..30 {
        assert_eq!(of(&round(conn).await, early), 32);
    }
    accept(conn, &batch_of(late, &names("l", 500))).await.unwrap();
    let mut claims = Vec::new();
    for _ in 0..10 {
        claims.extend(round(conn).await);
    }
    let (early, late) = (of(&claims, early), of(&claims, late));
    assert!(early.abs_diff(late) <= 32, "{early} {late}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_only_waits_does_not_stand_in_the_way() {
    let test = TestDb::new().await;
    let conn = &mut test.conn().await;
    // More customers than one transaction serves have nothing but retries in the future.
    for i in 0..20 {
        let customer = test.customer(&format!("c{i}")).await;
        let (_, claimed) = bring(conn, customer, "x", Reach::Fetching).await;
        let wait = bad(dlcs_model::FailureCode::OriginTimeout).transient(Some(std::time::Duration::from_secs(600)));
        fail(conn, &claimed.unwrap(), &wait).await.unwrap();
    }
    let next = test.customer("next").await;
    accept(conn, &batch_of(next, &["x"])).await.unwrap();
    assert_eq!(of(&round(conn).await, next), 1);
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_stays_shallow() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    accept(conn, &batch_of(customer, &names("i", 100))).await.unwrap();
    let priority = NewBatch { lane: Lane::Priority, ..batch_of(customer, &names("p", 5)) };
    accept(conn, &priority).await.unwrap();
    let out = dispatch(conn, Stage::Fetch, &LIMITS).await.unwrap();
    let lanes = |lane| out.iter().filter(|d| d.lane == lane).count();
    assert_eq!((lanes(Lane::Priority), lanes(Lane::Normal)), (5, 32));
    assert!(dispatch(conn, Stage::Fetch, &LIMITS).await.unwrap().is_empty());
    // Each one that is taken up makes room for another, until too many wait to be processed.
    for (fetched_so_far, out) in out.iter().enumerate() {
        let claimed = claim(conn, &out.hint, "w").await.unwrap().unwrap();
        fetched(conn, &claimed, &staged(&claimed)).await.unwrap().unwrap();
        if out.lane == Lane::Normal {
            let more = dispatch(conn, Stage::Fetch, &LIMITS).await.unwrap().len();
            assert_eq!(more > 0, fetched_so_far < 10, "after {fetched_so_far}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parallel_dispatchers_hand_out_everything_once() {
    let test = TestDb::new().await;
    let mut customers = Vec::new();
    for i in 0..6 {
        customers.push(test.customer(&format!("c{i}")).await);
    }
    // They dispatch while registrations are still coming in.
    let producers = customers.iter().map(|customer| async {
        for part in 0..10 {
            let names = names(&format!("p{part}-"), 10);
            accept(&mut *test.conn().await, &batch_of(*customer, &names)).await.unwrap();
        }
    });
    let limits = DispatchLimits { depth: 10_000, process_backlog: 10_000 };
    let dispatchers = (0..4).map(|_| async {
        let (mut all, mut idle) = (Vec::new(), 0);
        while idle < 20 {
            let out = dispatch(&mut *test.conn().await, Stage::Fetch, &limits).await.unwrap();
            idle = if out.is_empty() { idle + 1 } else { 0 };
            all.extend(out);
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        all
    });
    let (_, handed) =
        futures::future::join(futures::future::join_all(producers), futures::future::join_all(dispatchers)).await;
    let conn = &mut test.conn().await;
    let mut all: Vec<_> = handed.into_iter().flatten().collect();
    all.extend(dispatch(conn, Stage::Fetch, &limits).await.unwrap());
    assert_eq!(all.len(), 600);
    assert_eq!(all.iter().map(|d| (d.hint.batch, d.hint.ordinal)).collect::<HashSet<_>>().len(), 600);
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_how_long_work_waits() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    accept(conn, &batch_of(customer, &["x"])).await.unwrap();
    pass_time(conn).await;
    let waits = async |conn: &mut crate::AsyncPgConnection| {
        let lags = lag(conn).await.unwrap();
        assert_eq!(lags.len(), 4);
        lags.into_iter().filter(|lag| lag.seconds > 0.0).map(|lag| (lag.stage, lag.lane)).collect::<Vec<_>>()
    };
    assert_eq!(waits(conn).await, [(Stage::Fetch, Lane::Normal)]);
    dispatch_all(conn).await;
    assert_eq!(waits(conn).await, []);
}
