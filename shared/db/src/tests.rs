//! The tables that people meet: customers, keys, spaces, and what can be listed.

use dlcs_model::{BatchFilter, CustomerId, FailureCode, ImageFilter, Lane, SpaceId};
use secrecy::{ExposeSecret, SecretString};

use crate::api_key::Revoked;
use crate::condition::always;
use crate::customer::CreateCustomerError;
use crate::page::{From, Slice};
use crate::portal_user::{PortalUserFields, WriteUserError};
use crate::queue::{NewBatch, accept, cancel_batch};
use crate::space::{Deleted, SpaceFields, WriteSpaceError};
use crate::testing::*;
use crate::{api_key, batch, customer, image, item, portal_user, space};

const LIMIT: i64 = 100;

fn named(name: &str) -> SpaceFields {
    SpaceFields { name: Some(name.into()), ..SpaceFields::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_given_to_one_customer_only() {
    let test = TestDb::new().await;
    let conn = &mut test.conn().await;
    let created = customer::create(conn, "Wellcome", "Wellcome Collection", true).await.unwrap();
    let taken = customer::create(conn, "wellCOME", "x", false).await;
    assert!(matches!(taken, Err(CreateCustomerError::NameTaken)), "{taken:?}");
    assert_eq!(customer::by_name(conn, "WELLCOME").await.unwrap(), Some(created.clone()));
    assert_eq!(customer::get(conn, created.id).await.unwrap(), Some(created.clone()));
    assert_eq!(customer::get(conn, CustomerId(999)).await.unwrap(), None);
    let renamed = customer::rename(conn, created.id, "W", &always).await.unwrap().unwrap();
    let refused = customer::rename(conn, created.id, "X", &|row| row.unwrap().display_name != "W").await.unwrap();
    assert_eq!(refused, None);
    assert_eq!(customer::get(conn, created.id).await.unwrap(), Some(renamed.clone()));
    assert_eq!((renamed.display_name.as_str(), renamed.administrator), ("W", true));
    assert_eq!(customer::list(conn, &Slice::first(LIMIT)).await.unwrap().rows.len(), 1);
    assert_eq!(customer::count(conn).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_opens_with_its_secret_until_it_is_revoked() {
    let test = TestDb::new().await;
    let (owner, other) = (test.customer("a").await, test.customer("b").await);
    let conn = &mut test.conn().await;
    let fresh = api_key::create(conn, owner).await.unwrap();
    let secret = fresh.secret.expose_secret();
    let found = api_key::find(conn, &fresh.key).await.unwrap().unwrap();
    assert_eq!((found.customer, found.administrator), (owner, false));
    assert!(found.accepts(secret) && !found.accepts(&secret[1..]) && !found.accepts(""));
    assert_ne!(secret, api_key::create(conn, owner).await.unwrap().secret.expose_secret());
    let stored = format!("api_key k WHERE k::text LIKE '%{secret}%'");
    assert_eq!(count(conn, &stored).await, 0, "the secret is not stored");
    api_key::touch(conn, &fresh.key).await.unwrap();
    let listed = api_key::list(conn, owner, &Slice::first(LIMIT)).await.unwrap().rows;
    assert_eq!(api_key::count(conn, owner).await.unwrap(), 2);
    assert!(listed.len() == 2 && listed[0].last_used.is_some() && listed[1].last_used.is_none());
    assert_eq!(api_key::get(conn, other, &fresh.key).await.unwrap(), None, "someone else's");
    assert_eq!(api_key::revoke(conn, other, &fresh.key, &always).await.unwrap(), Revoked::Unknown, "someone else's");
    assert_eq!(api_key::revoke(conn, owner, &fresh.key, &|_| false).await.unwrap(), Revoked::Refused);
    assert_eq!(api_key::revoke(conn, owner, &fresh.key, &always).await.unwrap(), Revoked::Done);
    assert_eq!(api_key::find(conn, &fresh.key).await.unwrap(), None);
    api_key::put(conn, owner, &fresh.key, &SecretString::from("chosen")).await.unwrap();
    assert!(api_key::find(conn, &fresh.key).await.unwrap().unwrap().accepts("chosen"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_last_keys_of_an_administrator_one_stays() {
    let test = TestDb::new().await;
    let admin = customer::create(&mut *test.conn().await, "admin", "x", true).await.unwrap().id;
    for round in 0..5 {
        let fresh = api_key::create(&mut *test.conn().await, admin).await.unwrap();
        let keys = api_key::list(&mut *test.conn().await, admin, &Slice::first(LIMIT)).await.unwrap().rows;
        if round == 0 {
            let last = api_key::revoke(&mut *test.conn().await, admin, &fresh.key, &always).await.unwrap();
            assert_eq!(last, Revoked::Last);
            continue;
        }
        assert_eq!(keys.len(), 2);
        let both = keys
            .iter()
            .map(|row| async { api_key::revoke(&mut *test.conn().await, admin, &row.key, &always).await.unwrap() });
        let mut both = futures::future::join_all(both).await;
        both.sort_by_key(|revoked| *revoked == Revoked::Last);
        assert_eq!(both, [Revoked::Done, Revoked::Last]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_user_has_an_address_of_its_own() {
    let test = TestDb::new().await;
    let (owner, other) = (test.customer("a").await, test.customer("b").await);
    let conn = &mut test.conn().await;
    let user = portal_user::create(conn, owner, "Ann@example.org", "$argon2id$x", true).await.unwrap();
    let taken = portal_user::create(conn, owner, "ann@EXAMPLE.org", "y", true).await;
    assert!(matches!(taken, Err(WriteUserError::EmailTaken)), "{taken:?}");
    portal_user::create(conn, other, "ann@example.org", "y", true).await.unwrap();
    let second = portal_user::create(conn, owner, "ben@example.org", "y", false).await.unwrap();
    let fields = PortalUserFields { email: Some("ANN@example.org".into()), ..PortalUserFields::default() };
    let taken = portal_user::update(conn, owner, second.id, &fields, &always).await;
    assert!(matches!(taken, Err(WriteUserError::EmailTaken)), "{taken:?}");
    let changed = portal_user::update(conn, owner, user.id, &fields, &always).await.unwrap();
    assert_eq!((changed.email.as_str(), changed.enabled), ("ANN@example.org", true));
    let listed = portal_user::list(conn, owner, &Slice::first(1)).await.unwrap();
    assert_eq!(listed.rows, [changed]);
    let rest = portal_user::list(conn, owner, &Slice::after(listed.after.unwrap(), LIMIT)).await.unwrap();
    assert_eq!((rest.rows, rest.after), (vec![second.clone()], None));
    assert_eq!(portal_user::count(conn, owner).await.unwrap(), 2);
    let theirs = portal_user::update(conn, other, user.id, &fields, &always).await;
    assert!(matches!(theirs, Err(WriteUserError::Unknown)), "{theirs:?}");
    let theirs = portal_user::delete(conn, other, user.id, &always).await;
    assert!(matches!(theirs, Err(WriteUserError::Unknown)), "{theirs:?}");
    let refused = portal_user::delete(conn, owner, user.id, &|row| row.unwrap().email == "ann").await;
    assert!(matches!(refused, Err(WriteUserError::Refused)), "{refused:?}");
    portal_user::delete(conn, owner, user.id, &always).await.unwrap();
    assert_eq!(portal_user::get(conn, owner, user.id).await.unwrap(), None);
    assert_eq!(portal_user::get(conn, owner, second.id).await.unwrap(), Some(second));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_space_goes_when_it_is_empty_and_its_number_is_not_given_again() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let second = space::create(conn, customer, &named("second")).await.unwrap().id;
    assert_eq!(space::delete(conn, customer, SpaceId(9), &always).await.unwrap(), Deleted::Unknown);
    assert_eq!(space::delete(conn, CustomerId(999), second, &always).await.unwrap(), Deleted::Unknown);
    assert_eq!(space::delete(conn, customer, second, &|row| row.unwrap().images > 0).await.unwrap(), Deleted::Refused);
    assert_eq!(space::delete(conn, customer, second, &always).await.unwrap(), Deleted::Done);
    assert_eq!(space::create(conn, customer, &named("third")).await.unwrap().id, SpaceId(3));
    accept(conn, &batch_of(customer, &["x"])).await.unwrap();
    assert_eq!(space::delete(conn, customer, SpaceId(1), &always).await.unwrap(), Deleted::HasImages);
    delete(conn, &key(customer, "x")).await;
    assert_eq!(space::delete(conn, customer, SpaceId(1), &always).await.unwrap(), Deleted::Done);
    assert_eq!(count(conn, "usage_delta").await, 0, "nothing waits for a space that is gone");
    assert!(accept(conn, &batch_of(customer, &["x"])).await.is_err());
    let (chosen, created) = space::put(conn, customer, SpaceId(1), &named("again"), &always).await.unwrap();
    assert_eq!((chosen.images, created), (0, true));
    accept(conn, &batch_of(customer, &["x"])).await.unwrap();
    assert_eq!(image::get(conn, &key(customer, "x")).await.unwrap().unwrap().generation, 3);
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_and_the_deletion_of_its_space_do_not_miss_each_other() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    for round in 0..10 {
        let name = format!("s{round}");
        let space = space::create(&mut *test.conn().await, customer, &named(&name)).await.unwrap().id;
        let mut new = batch_of(customer, &names("i", 50));
        new.members.iter_mut().for_each(|member| member.space = space);
        let (accepted, deleted) = tokio::join!(async { accept(&mut *test.conn().await, &new).await.is_ok() }, async {
            space::delete(&mut *test.conn().await, customer, space, &always).await.unwrap()
        });
        assert_eq!(deleted, if accepted { Deleted::HasImages } else { Deleted::Done });
    }
    audit(&mut *test.conn().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn spaces_are_numbered_and_named_within_their_customer() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let (chosen, created) = space::put(conn, customer, SpaceId(7), &named("chosen"), &always).await.unwrap();
    assert_eq!((chosen.id, created), (SpaceId(7), true));
    assert_eq!(space::create(conn, customer, &named("next")).await.unwrap().id, SpaceId(8));
    let (merged, created) = space::put(
        conn,
        customer,
        SpaceId(7),
        &SpaceFields { default_max_unauthorised: Some(200), ..SpaceFields::default() },
        &always,
    )
    .await
    .unwrap();
    assert_eq!((merged.name.as_str(), merged.default_max_unauthorised, created), ("chosen", 200, false));
    let taken = space::create(conn, customer, &named("next")).await;
    assert!(matches!(taken, Err(WriteSpaceError::NameTaken)), "{taken:?}");
    let nameless = space::put(conn, customer, SpaceId(9), &SpaceFields::default(), &always).await;
    assert!(matches!(nameless, Err(WriteSpaceError::NameMissing)), "{nameless:?}");
    let nobody = space::create(conn, CustomerId(999), &named("x")).await;
    assert!(matches!(nobody, Err(WriteSpaceError::NoCustomer)), "{nobody:?}");
    // A number that was not used is not lost to a refused request, and none is given twice.
    assert_eq!(space::create(conn, customer, &named("last")).await.unwrap().id, SpaceId(9));
    let slice = Slice { order: None, from: From::Start(1), limit: 1 };
    let page = space::list(conn, customer, &slice).await.unwrap();
    assert_eq!(page.rows.iter().map(|s| s.id.0).collect::<Vec<_>>(), [7]);
    let behind = space::list(conn, customer, &Slice::after(page.after.unwrap(), 2)).await.unwrap();
    assert_eq!(behind.rows.iter().map(|s| s.id.0).collect::<Vec<_>>(), [8, 9]);
    assert_eq!((behind.after, space::count(conn, customer).await.unwrap()), (None, 4));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_listed_by_what_became_of_its_members() {
    let test = TestDb::new().await;
    let (customer, stranger) = (test.customer("a").await, test.customer("b").await);
    let conn = &mut test.conn().await;
    let new = NewBatch { label: Some("mine".into()), ..batch_of(customer, &["ok", "bad", "newer", "open"]) };
    let accepted = accept(conn, &new).await.unwrap();
    let done = to_processing(conn, &hint(&accepted, 0, dlcs_model::Stage::Fetch)).await;
    finish(conn, &done).await;
    let failing = to_processing(conn, &hint(&accepted, 1, dlcs_model::Stage::Fetch)).await;
    crate::queue::fail(conn, &failing, &bad(FailureCode::NotAnImage)).await.unwrap();
    let newer = accept(conn, &batch_of(customer, &["newer"])).await.unwrap();
    settle(conn).await;
    let cases = [
        (item::Which::Submitted, vec!["ok", "bad", "newer", "open"]),
        (item::Which::Current, vec!["ok", "bad", "open"]),
        (item::Which::Completed, vec!["ok"]),
        (item::Which::Failed, vec!["bad", "newer"]),
    ];
    let (any, all) = (ImageFilter::default(), Slice::first(LIMIT));
    for (which, expected) in cases {
        let members = item::Members::Of(accepted.batch, which);
        let listed = item::list(conn, customer, members, &any, &all).await.unwrap();
        let names: Vec<_> = listed.rows.iter().map(|asset| asset.image.id.as_str()).collect();
        let total = item::count(conn, customer, members, &any).await.unwrap();
        assert_eq!((names, total), (expected.clone(), expected.len() as i64), "{which:?}");
        assert_eq!(item::list(conn, stranger, members, &any, &all).await.unwrap().rows, []);
        assert_eq!(item::count(conn, stranger, members, &any).await.unwrap(), 0);
    }
    assert_eq!(item::count(conn, customer, item::Members::Open, &any).await.unwrap(), 2);
    let waiting = item::list(conn, customer, item::Members::Open, &any, &all).await.unwrap();
    let waiting: Vec<_> = waiting.rows.iter().map(|a| (a.image.id.as_str(), a.outcome.item_ordinal)).collect();
    assert_eq!(waiting, [("open", 3), ("newer", 0)]);
    let within = image::Within { customer, space: Some(SpaceId(1)) };
    let images = image::list(conn, within, &any, &all).await.unwrap();
    assert_eq!(images.rows.iter().map(|i| i.id.as_str()).collect::<Vec<_>>(), ["bad", "newer", "ok", "open"]);
    let size = batch::queue_size(conn, customer, None).await.unwrap();
    assert_eq!((size.size, size.batches_waiting, size.images_waiting), (2, 2, 2));
    assert_eq!(batch::queue_size(conn, customer, Some(Lane::Priority)).await.unwrap().size, 0);
    assert_eq!(batch::get(conn, stranger, accepted.batch).await.unwrap(), None);
    cancel_batch(conn, customer, accepted.batch).await.unwrap();
    settle(conn).await;
    let list = async |conn: &mut crate::AsyncPgConnection, which, label: Option<&str>| {
        let filter = BatchFilter { label: label.map(str::to_owned), state: None };
        let listed = batch::list(conn, customer, which, &filter, &Slice::first(LIMIT)).await.unwrap();
        assert_eq!(batch::count(conn, customer, which, &filter).await.unwrap(), listed.rows.len() as i64);
        listed.rows.iter().map(|b| b.id).collect::<Vec<_>>()
    };
    assert_eq!(list(conn, batch::Which::All, None).await, [newer.batch, accepted.batch]);
    assert_eq!(list(conn, batch::Which::Active, None).await, [newer.batch]);
    assert_eq!(list(conn, batch::Which::Recent, None).await, [accepted.batch]);
    assert_eq!(list(conn, batch::Which::All, Some("mine")).await, [accepted.batch]);
    audit(conn).await;
}
