//! Changing and deleting images without registering them, and the descriptors that have to follow.

use std::convert::Infallible;
use std::sync::Mutex;

use dlcs_model::{CustomerId, ImageKey, SpaceId};

use crate::condition::always;
use crate::queue::*;
use crate::space::SpaceFields;
use crate::testing::*;
use crate::{AsyncPgConnection, image as images, space};

fn text(words: &[&str]) -> Option<Vec<String>> {
    Some(words.iter().map(ToString::to_string).collect())
}

fn change(name: &str) -> NewImage {
    NewImage::named(SpaceId(1), id(name))
}

async fn get(conn: &mut AsyncPgConnection, customer: CustomerId, name: &str) -> images::Image {
    images::get(conn, &key(customer, name)).await.unwrap().unwrap()
}

/// Brings a descriptor in line; what it had to be, if it was due.
async fn followed(conn: &mut AsyncPgConnection, key: &ImageKey) -> Option<Wanted> {
    let wanted = Mutex::new(None);
    let publish = |what| {
        *wanted.lock().unwrap() = Some(what);
        async { Ok::<(), Infallible>(()) }
    };
    let due = follow(conn, key, publish).await.unwrap();
    let wanted = wanted.into_inner().unwrap();
    assert_eq!(due, wanted.is_some());
    wanted
}

fn access(wanted: Option<Wanted>) -> (i32, Vec<String>) {
    match wanted {
        Some(Wanted::Access(Publication { max_unauthorised, roles, .. })) => (max_unauthorised, roles),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_leaves_the_registration_alone() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    bring(conn, customer, "done", Reach::Completed).await;
    bring(conn, customer, "open", Reach::Fetching).await;
    let before = [get(conn, customer, "done").await, get(conn, customer, "open").await];
    let changes = [
        NewImage { string1: Some("s".into()), media_type: Some("text/plain".into()), ..change("open") },
        NewImage { number3: Some(7), media_type: Some("text/plain".into()), tags: text(&["t"]), ..change("done") },
    ];
    let after = patch_images(conn, customer, &changes, &always).await.unwrap();
    let expected_open =
        images::Image { string1: "s".into(), media_type: Some("text/plain".into()), ..before[1].clone() };
    let expected_done = images::Image { number3: 7, tags: vec!["t".into()], ..before[0].clone() };
    assert_eq!(after, [expected_open, expected_done], "what is served keeps the media type that was seen");
    assert_eq!(follow::due(conn, 10).await.unwrap(), [], "access is what it was");
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_are_made_all_or_none() {
    let test = TestDb::new().await;
    let (customer, stranger) = (test.customer("a").await, test.customer("b").await);
    let conn = &mut test.conn().await;
    accept(conn, &batch_of(customer, &["x", "y", "gone"])).await.unwrap();
    delete(conn, &key(customer, "gone")).await;
    let set = |name| NewImage { string1: Some("new".into()), ..change(name) };
    let changes = [set("x"), set("unknown"), set("y"), set("gone")];
    let refused = patch_images(conn, customer, &changes, &always).await;
    assert!(matches!(&refused, Err(PatchError::Unknown(missing)) if *missing == [1, 3]), "{refused:?}");
    let refused = patch_images(conn, customer, &[set("x"), set("y")], &|row| row.unwrap().id.as_str() == "x").await;
    assert!(matches!(refused, Err(PatchError::Refused)), "{refused:?}");
    let refused = patch_images(conn, stranger, &[set("x")], &always).await;
    assert!(matches!(&refused, Err(PatchError::Unknown(missing)) if *missing == [0]), "{refused:?}");
    assert_eq!(count(conn, "image WHERE string1 <> ''").await, 0);
    let changed = patch_images(conn, customer, &[set("y"), set("x")], &always).await.unwrap();
    assert_eq!(changed.iter().map(|image| image.id.as_str()).collect::<Vec<_>>(), ["y", "x"]);
    assert_eq!(count(conn, "image WHERE string1 = 'new'").await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_gives_the_default_also_of_the_space() {
    use Resettable::*;
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let full = NewImage {
        initial_origin: Some("https://first.test/x.jpg".into()),
        media_type: Some("image/x".into()),
        string1: Some("1".into()),
        string2: Some("2".into()),
        string3: Some("3".into()),
        number1: Some(1),
        number2: Some(2),
        number3: Some(3),
        tags: text(&["t"]),
        roles: text(&["r"]),
        max_unauthorised: Some(10),
        metadata: Some(serde_json::json!({"a": 1})),
        ..image("x")
    };
    let all = vec![
        InitialOrigin,
        MediaType,
        String1,
        String2,
        String3,
        Number1,
        Number2,
        Number3,
        Tags,
        Roles,
        MaxUnauthorised,
        Metadata,
    ];
    let fields = SpaceFields {
        default_tags: text(&["dt"]),
        default_roles: text(&["dr"]),
        default_max_unauthorised: Some(400),
        name: None,
    };
    accept(conn, &NewBatch { members: vec![full.clone()], ..batch_of(customer, &["x"]) }).await.unwrap();
    space::put(conn, customer, SpaceId(1), &fields, &always).await.unwrap();
    let reset = NewImage { resets: all, ..change("x") };
    let fresh = |row: images::Image| {
        let strings = [row.string1, row.string2, row.string3].concat();
        let numbers = [row.number1, row.number2, row.number3];
        assert_eq!((strings.as_str(), numbers, row.metadata, row.media_type), ("", [0; 3], None, None));
        assert_eq!((row.tags, row.roles), (vec!["dt".to_owned()], vec!["dr".to_owned()]));
        assert_eq!((row.max_unauthorised, row.initial_origin), (400, None));
        assert_eq!(row.origin, "https://origin.test/x.jpg");
    };
    fresh(patch_images(conn, customer, std::slice::from_ref(&reset), &always).await.unwrap().remove(0));
    accept(conn, &NewBatch { members: vec![full.clone()], ..batch_of(customer, &["x"]) }).await.unwrap();
    assert_eq!(get(conn, customer, "x").await.max_unauthorised, 10);
    accept(conn, &NewBatch { members: vec![reset], ..batch_of(customer, &["x"]) }).await.unwrap();
    fresh(get(conn, customer, "x").await);
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn descriptors_follow_where_access_changes() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    let (x, open) = (key(customer, "x"), key(customer, "open"));
    bring(conn, customer, "x", Reach::Completed).await;
    bring(conn, customer, "open", Reach::Fetched).await;
    let closed = |name| NewImage { max_unauthorised: Some(0), roles: text(&["staff"]), ..change(name) };
    patch_images(conn, customer, &[closed("x"), closed("open")], &always).await.unwrap();
    assert_eq!(
        follow::due(conn, 10).await.unwrap(),
        std::slice::from_ref(&x),
        "what is not served yet is published with its access"
    );
    let failed = follow(conn, &x, |_| async { Err("the store is down") }).await;
    assert!(matches!(failed, Err(FollowError::Publish("the store is down"))), "{failed:?}");
    assert_eq!(follow::due(conn, 10).await.unwrap(), std::slice::from_ref(&x), "a note stays until it was followed");
    assert_eq!(access(followed(conn, &x).await), (0, vec!["staff".to_owned()]));
    assert_eq!(followed(conn, &x).await, None);
    patch_images(conn, customer, &[closed("x")], &always).await.unwrap();
    assert_eq!(follow::due(conn, 10).await.unwrap(), []);
    // Registering again says what may be seen from now on, not only once the new bytes are there.
    let again = NewImage { roles: Some(Vec::new()), ..image("x") };
    accept(conn, &NewBatch { members: vec![again, image("open")], ..batch_of(customer, &["x"]) }).await.unwrap();
    assert_eq!(follow::due(conn, 10).await.unwrap(), std::slice::from_ref(&x));
    assert_eq!(access(followed(conn, &x).await), (0, Vec::new()));
    assert_eq!(followed(conn, &open).await, None);
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_images_are_deleted_at_once_at_every_stage() {
    let test = TestDb::new().await;
    let (customer, stranger) = (test.customer("a").await, test.customer("b").await);
    let conn = &mut test.conn().await;
    let mut claims = Vec::new();
    for reach in Reach::ALL {
        let name = format!("{reach:?}");
        claims.extend(bring(conn, customer, &name, reach).await.1.filter(|_| !reach.is_final()));
    }
    let mut all: Vec<_> = Reach::ALL.iter().map(|reach| (SpaceId(1), id(&format!("{reach:?}")))).collect();
    all.push((SpaceId(1), id("unknown")));
    all.push((SpaceId(2), id("Ready")));
    assert_eq!(delete_images(conn, stranger, &all).await.unwrap(), []);
    let gone = delete_images(conn, customer, &all).await.unwrap();
    assert_eq!(gone.len(), Reach::ALL.len());
    assert_eq!(delete_images(conn, customer, &all).await.unwrap(), []);
    assert_eq!(count(conn, "image WHERE deleted_at IS NULL").await, 0);
    assert_eq!(count(conn, "outbox WHERE event->>'type' = 'image-changed'").await, Reach::ALL.len() as i64);
    let served = key(customer, "Completed");
    assert_eq!(follow::due(conn, 10).await.unwrap(), std::slice::from_ref(&served));
    assert_eq!(followed(conn, &served).await, Some(Wanted::Absent));
    for claim in claims.iter().filter(|claim| claim.staged.is_some()) {
        assert_eq!(finish(conn, claim).await, Outcome::Fenced);
    }
    audit(conn).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_image_that_is_served_again_is_not_withdrawn() {
    let test = TestDb::new().await;
    let customer = test.customer("a").await;
    let conn = &mut test.conn().await;
    bring(conn, customer, "x", Reach::Completed).await;
    delete_images(conn, customer, &[(SpaceId(1), id("x"))]).await.unwrap();
    bring(conn, customer, "x", Reach::Completed).await;
    assert_eq!(access(followed(conn, &key(customer, "x")).await), (-1, Vec::new()));
    audit(conn).await;
}
