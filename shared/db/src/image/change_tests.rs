//! Listings while rows come and go, places that are none, and the table of tags.

use std::collections::BTreeSet;

use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use dlcs_model::{ImageField, ImageFilter, Key, Order, SpaceId};

use super::Within;
use crate::page::{From, Slice};
use crate::testing::*;
use crate::{DbError, image};

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_and_goes_moves_nothing_else() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let named = |range: std::ops::Range<usize>| range.map(|n| format!("p{n:03}")).collect::<Vec<_>>();
    crate::queue::accept(conn, &batch_of(customer, &named(0..40))).await.unwrap();
    for by in [None, Some(ImageField::Id), Some(ImageField::Width), Some(ImageField::Origin)] {
        let within = Within { customer, space: Some(SpaceId(1)) };
        let order = by.map(|by| Order { by, descending: false });
        let (mut from, mut seen, mut round) = (From::Start(0), Vec::new(), 40);
        loop {
            let slice = Slice { order, from, limit: 7 };
            let page = image::list(conn, within, &ImageFilter::default(), &slice).await.unwrap();
            seen.extend(page.rows.iter().map(|row| row.id.to_string()));
            let Some(place) = page.after else { break };
            from = From::After(place);
            // One that was seen goes and comes again, another comes.
            let gone = crate::testing::key(customer, &seen[0]);
            delete(conn, &gone).await;
            crate::queue::accept(conn, &batch_of(customer, &[format!("a{round}"), seen[0].clone()])).await.unwrap();
            round += 1;
        }
        let old: Vec<_> = seen.iter().filter(|id| id.starts_with('p')).collect();
        let distinct: BTreeSet<_> = seen.iter().collect();
        assert_eq!((old.len(), distinct.len()), (40, seen.len()), "{by:?}: {seen:?}");
        conn.batch_execute("DELETE FROM image WHERE id LIKE 'a%'").await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_of_another_order_is_refused() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let within = Within { customer, space: None };
    let text = || Key::from("x");
    for (by, place) in [
        (ImageField::Number1, vec![Key::from(1_i64)]),
        (ImageField::Number1, vec![text(), Key::from(1_i64)]),
        (ImageField::String1, vec![Key::from(1_i64), Key::from(1_i64)]),
        (ImageField::Created, vec![Key::from(i64::MAX), Key::from(1_i64)]),
        (ImageField::Created, vec![Key::from(i64::MIN), Key::from(1_i64)]),
        (ImageField::Id, vec![text(), text()]),
    ] {
        let slice = Slice::after(place, 1).by(by, false);
        let listed = image::list(conn, within, &ImageFilter::default(), &slice).await;
        assert!(matches!(listed, Err(DbError::Cursor)), "{slice:?}: {listed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_follow_their_images() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let tagged = |tags: &[&str]| {
        let mut batch = batch_of(customer, &["a"]);
        batch.members[0].tags = Some(tags.iter().map(|tag| (*tag).to_owned()).collect());
        batch
    };
    let found = async |conn: &mut AsyncPgConnection, tag: &str| {
        let filter = ImageFilter { tags: vec![tag.to_owned()], ..ImageFilter::default() };
        image::count(conn, Within { customer, space: None }, &filter).await.unwrap()
    };
    crate::queue::accept(conn, &tagged(&["map", "old"])).await.unwrap();
    assert_eq!((found(conn, "map").await, found(conn, "old").await, found(conn, "MAP").await), (1, 1, 0));
    crate::queue::accept(conn, &tagged(&["map", "new"])).await.unwrap();
    assert_eq!((found(conn, "map").await, found(conn, "old").await, found(conn, "new").await), (1, 0, 1));
    delete(conn, &crate::testing::key(customer, "a")).await;
    assert_eq!((found(conn, "map").await, count(conn, "image_tag").await), (0, 0));
    crate::queue::accept(conn, &tagged(&["again"])).await.unwrap();
    assert_eq!((found(conn, "map").await, found(conn, "again").await, count(conn, "image_tag").await), (0, 1, 1));
}
