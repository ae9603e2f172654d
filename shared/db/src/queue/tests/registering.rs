//! Accepting: what is stored, what is refused, and what comes twice.

use diesel_async::SimpleAsyncConnection;
use dlcs_model::{Lane, SpaceId};

use crate::condition::always;
use crate::queue::*;
use crate::space::SpaceFields;
use crate::testing::*;
use crate::{image as images, space};

fn text(words: &[&str]) -> Option<Vec<String>> {
    Some(words.iter().map(ToString::to_string).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_image_has_the_defaults_of_its_space() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let fields = SpaceFields {
        default_tags: text(&["shared", "b"]),
        default_roles: text(&["staff"]),
        default_max_unauthorised: Some(400),
        name: None,
    };
    space::put(conn, customer, SpaceId(1), &fields, &always).await.unwrap();
    let mut new = batch_of(customer, &["plain", "own"]);
    new.members[1].tags = text(&["a, with comma", "b"]);
    new.members[1].max_unauthorised = Some(-1);
    new.members[1].number2 = Some(i64::MIN);
    new.members[1].metadata = Some(serde_json::json!({"z": [1, null], "a": "\u{1F600}"}));
    accept(conn, &new).await.unwrap();
    let plain = images::get(conn, &key(customer, "plain")).await.unwrap().unwrap();
    assert_eq!(
        (plain.tags, plain.roles, plain.max_unauthorised),
        (text(&["shared", "b"]).unwrap(), text(&["staff"]).unwrap(), 400)
    );
    assert_eq!((plain.string1.as_str(), plain.number1, plain.metadata), ("", 0, None));
    let own = images::get(conn, &key(customer, "own")).await.unwrap().unwrap();
    assert_eq!((own.tags, own.max_unauthorised), (text(&["a, with comma", "b", "shared"]).unwrap(), -1));
    assert_eq!((own.number2, own.metadata), (i64::MIN, new.members[1].metadata.clone()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_said_keeps_its_value() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let mut new = batch_of(customer, &["x", "fresh"]);
    new.members.truncate(1);
    new.members[0].string1 = Some("one".into());
    new.members[0].tags = text(&["t"]);
    let first = accept(conn, &new).await.unwrap();
    let fields = SpaceFields { default_tags: text(&["late"]), ..SpaceFields::default() };
    space::put(conn, customer, SpaceId(1), &fields, &always).await.unwrap();
    let mut again = batch_of(customer, &["fresh", "x"]);
    again.members[1] = NewImage { string2: Some("two".into()), ..NewImage::named(SpaceId(1), id("x")) };
    let second = accept(conn, &again).await.unwrap();
    let x = images::get(conn, &key(customer, "x")).await.unwrap().unwrap();
    assert_eq!((x.string1.as_str(), x.string2.as_str(), x.tags), ("one", "two", text(&["t"]).unwrap()));
    assert_eq!((x.origin.as_str(), x.batch, x.ordinal), ("https://origin.test/x.jpg", second.batch, 1));
    assert!(second.members[0].created && !second.members[1].created && first.batch < second.batch);
    // A deleted image that comes back begins anew.
    delete(conn, &key(customer, "x")).await;
    accept(conn, &batch_of(customer, &["x"])).await.unwrap();
    let x = images::get(conn, &key(customer, "x")).await.unwrap().unwrap();
    assert_eq!((x.string1.as_str(), x.tags), ("", text(&["late"]).unwrap()));
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_faulty_registration_stores_nothing() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    accept(conn, &batch_of(customer, &["known"])).await.unwrap();
    let key = Some(Idempotency { key: "k".into(), request_hash: vec![1] });
    let good = NewBatch { idempotency: key, only_new: true, ..batch_of(customer, &["a", "b", "c"]) };
    let mut spaces = good.clone();
    spaces.members[0].space = SpaceId(7);
    spaces.members[2].space = SpaceId(8);
    assert!(matches!(accept(conn, &spaces).await, Err(AcceptError::UnknownSpaces(o)) if o == [0, 2]));
    let mut origins = good.clone();
    origins.members[1].origin = None;
    assert!(matches!(accept(conn, &origins).await, Err(AcceptError::MissingOrigins(o)) if o == [1]));
    let mut exists = good.clone();
    exists.members[2].id = id("known");
    assert!(matches!(accept(conn, &exists).await, Err(AcceptError::Exists(o)) if o == [2]));
    let mut twice = good.clone();
    twice.members[2].id = id("a");
    assert!(matches!(accept(conn, &twice).await, Err(AcceptError::Duplicates(o)) if o == [2]));
    let none = NewBatch { members: Vec::new(), ..good.clone() };
    assert!(matches!(accept(conn, &none).await, Err(AcceptError::Empty)));
    assert_eq!((count(conn, "batch").await, count(conn, "image").await, count(conn, "idem").await), (1, 1, 0));
    accept(conn, &good).await.unwrap();
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_comes_fifty_times_is_one_batch() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let other = test.customer("b").await;
    let key = Idempotency { key: "k".into(), request_hash: vec![1; 32] };
    let new = NewBatch { idempotency: Some(key.clone()), ..batch_of(customer, &names("i", 20)) };
    let requests = (0..50).map(|_| async { accept(&mut *test.conn().await, &new).await });
    let results = futures::future::join_all(requests).await;
    let accepted: Vec<_> = results.iter().flatten().collect();
    assert_eq!(accepted.len(), 1);
    let replays = results.iter().filter(|r| matches!(r, Err(AcceptError::Replay(b)) if *b == accepted[0].batch));
    assert_eq!(replays.count(), 49);
    let conn = &mut test.conn().await;
    let changed = Idempotency { request_hash: vec![2; 32], ..key };
    let changed = NewBatch { idempotency: Some(changed), ..new.clone() };
    assert!(matches!(accept(conn, &changed).await, Err(AcceptError::KeyReused)));
    accept(conn, &NewBatch { customer: other, ..changed }).await.unwrap();
    let age = async |conn: &mut crate::AsyncPgConnection, time: &str| {
        let sql = format!("UPDATE idem SET created = now() - interval '{time}'");
        conn.batch_execute(&sql).await.unwrap();
        sweep(conn).await.unwrap();
    };
    age(conn, "23 hours 59 minutes").await;
    assert!(matches!(accept(conn, &new).await, Err(AcceptError::Replay(b)) if b == accepted[0].batch));
    age(conn, "24 hours 1 minute").await;
    assert!(accept(conn, &new).await.unwrap().batch > accepted[0].batch, "a day later it is another request");
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_batches_in_opposite_order_do_not_block_each_other() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let forth = batch_of(customer, &names("i", 500));
    let mut back = forth.clone();
    back.members.reverse();
    back.lane = Lane::Priority;
    let requests = (0..20).map(|i| {
        let new = if i % 2 == 0 { &forth } else { &back };
        async { accept(&mut *test.conn().await, new).await }
    });
    let results = futures::future::join_all(requests).await;
    let faults: Vec<_> = results.iter().filter_map(|r| r.as_ref().err()).collect();
    assert!(faults.is_empty(), "{faults:?}");
    let conn = &mut test.conn().await;
    settle(conn).await;
    let deadlocks = "(SELECT deadlocks AS d FROM pg_stat_database WHERE datname = current_database()) s WHERE d > 0";
    assert_eq!(count(conn, deadlocks).await, 0);
    assert_eq!(count(conn, "batch WHERE finished IS NOT NULL AND errors = 500 AND gone = 500").await, 19);
    assert_eq!(count(conn, "image WHERE generation = 20").await, 500);
    audit(conn).await;
}
