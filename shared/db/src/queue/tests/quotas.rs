//! What a customer may store at most.

use dlcs_model::{CustomerId, SpaceId};

use crate::condition::always;
use crate::queue::*;
use crate::storage_policy::{self, StoragePolicy};
use crate::testing::*;
use crate::usage::{self, Usage};
use crate::{AsyncPgConnection, space};

async fn allow(conn: &mut AsyncPgConnection, customer: CustomerId, max_images: Option<i64>, max_size: Option<i64>) {
    let policy = StoragePolicy { max_images, max_size };
    storage_policy::update(conn, customer, |_| policy, &always).await.unwrap();
    assert_eq!(storage_policy::get(conn, customer).await.unwrap(), Some(policy));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_images_is_exact_however_many_come_at_once() {
    let test = TestDb::new().await;
    let (customer, free) = (test.customer("a").await, test.customer("b").await);
    let conn = &mut test.conn().await;
    allow(conn, customer, Some(100), None).await;
    let batches: Vec<_> = (0..30).map(|n| batch_of(customer, &names(&format!("b{n}-"), 7))).collect();
    let results =
        futures::future::join_all(batches.iter().map(|new| async { accept(&mut *test.conn().await, new).await })).await;
    let accepted = results.iter().filter(|result| result.is_ok()).count();
    let over = |error: &AcceptError| matches!(error, AcceptError::OverQuota(OverQuota::Images { limit: 100, .. }));
    assert!(results.iter().filter_map(|result| result.as_ref().err()).all(over));
    assert_eq!((accepted, usage::of_customer(conn, customer).await.unwrap().images), (14, 98));
    let known = results.iter().position(Result::is_ok).unwrap();
    accept(conn, &batches[known]).await.expect("images that exist take no more room");
    accept(conn, &batch_of(customer, &["one", "two"])).await.unwrap();
    let refused = accept(conn, &batch_of(customer, &["three"])).await.unwrap_err();
    assert_eq!(refused.to_string(), "the customer may have 100 images; with these it would have 101");
    delete(conn, &key(customer, "one")).await;
    accept(conn, &batch_of(customer, &["three"])).await.unwrap();
    accept(conn, &batch_of(free, &names("i", 200))).await.unwrap();
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sizes_are_checked_when_they_are_known() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    allow(conn, customer, None, Some(1999)).await;
    bring(conn, customer, "one", Reach::Completed).await;
    let (_, claim) = bring(conn, customer, "two", Reach::Processing).await;
    let claim = claim.unwrap();
    let publish = |_| async { panic!("nothing may be published") };
    let refused = complete::<(), _, _>(conn, &claim, &facts(&claim), publish).await;
    let Err(CompleteError::OverQuota(quota)) = refused else { panic!("{refused:?}") };
    assert_eq!(quota, OverQuota::Size { limit: 1999, size: 1000 });
    // The same image again takes no more room than before.
    let again = accept(conn, &batch_of(customer, &["one"])).await.unwrap();
    let again = to_processing(conn, &hint(&again, 0, dlcs_model::Stage::Fetch)).await;
    assert_eq!(finish(conn, &again).await, Outcome::Done);
    allow(conn, customer, None, Some(1000)).await;
    let full = accept(conn, &batch_of(customer, &["three"])).await;
    assert!(matches!(full, Err(AcceptError::OverQuota(OverQuota::Size { limit: 1000, size: 1000 }))), "{full:?}");
    allow(conn, customer, None, None).await;
    assert_eq!(finish(conn, &claim).await, Outcome::Done, "the claim is as good as before");
    let expected = Usage { images: 2, stored: 2, size: 2000, thumbnail_size: 200 };
    assert_eq!(usage::of_customer(conn, customer).await.unwrap(), expected);
    settle(conn).await;
    assert_eq!(usage::of_customer(conn, customer).await.unwrap(), expected, "folding changes no sum");
    let sums = space::get(conn, customer, SpaceId(1)).await.unwrap().unwrap();
    assert_eq!((sums.stored, sums.size, sums.thumbnail_size), (2, 2000, 200));
    assert_eq!(storage_policy::get(conn, CustomerId(999)).await.unwrap(), None);
    audit(conn).await;
}
