//! Collections of images, spaces, customers and keys: filters, orders, pages and what is refused.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{PUBLIC, Reply, World};

const IMAGES: &str = "/spaces/1/images";

/// Thirty pages of three books, in two spaces.
async fn library() -> World {
    let world = World::start(&[]).await;
    world.create(&world.key, "/spaces", &json!({"name": "maps"})).await;
    let image = |n: usize| {
        json!({"space": 1 + n / 24, "id": format!("p{n:02}"), "origin": format!("http://origin.example/{n}.jpg"),
               "string1": format!("b{}", n % 3), "string2": if n == 7 { "" } else { "x" }, "number1": 30 - n,
               "tags": if n.is_multiple_of(2) { json!(["even", "a,b"]) } else { json!(["odd"]) }})
    };
    let body = json!({"member": (0..30).map(image).collect::<Vec<_>>()});
    assert_eq!(world.post("/queue", &body).await.status, 201);
    world
}

fn ids(reply: &Reply) -> Vec<String> {
    assert_eq!(reply.status, 200, "{}", reply.json);
    reply.members("id").iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

fn numbered(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|n| format!("p{n:02}")).collect()
}

/// The path of a link of our own.
fn path(world: &World, link: &Value) -> String {
    let prefix = format!("{PUBLIC}{}", world.path(""));
    link.as_str().unwrap().strip_prefix(&prefix).unwrap_or_else(|| panic!("{link}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_filtered_by_what_is_said() {
    let world = library().await;
    let q = |json: &str| format!("q={}", json.bytes().map(|byte| format!("%{byte:02X}")).collect::<String>());
    let cases: Vec<(String, Vec<String>)> = vec![
        ("string1=b1".into(), numbered((0..24).filter(|n| n % 3 == 1))),
        ("string2=".into(), numbered([7])),
        ("string2=X".into(), vec![]),
        ("number1=25".into(), numbered([5])),
        ("tags=even".into(), numbered((0..24).filter(|n| n % 2 == 0))),
        ("tags=even,odd".into(), vec![]),
        (q(r#"{"tags":["a,b","even"],"number1":"30"}"#), numbered([0])),
        (q(r#"{"string1":"b2","number1":28}"#), numbered([2])),
        (format!("string1=b0&{}", q(r#"{"string1":"b2","number1":27}"#)), numbered([3])),
        ("id=p04".into(), numbered([4])),
        ("space=2".into(), vec![]),
        ("space=1&id=p04".into(), numbered([4])),
        ("state=waiting&string1=b1&number1=29".into(), numbered([1])),
        ("state=ready".into(), vec![]),
        ("error=too-large".into(), vec![]),
        ("createdAfter=2999-01-01".into(), vec![]),
        ("createdBefore=2999-01-01T00:00:00+01:00&id=p01".into(), numbered([1])),
        ("unknown=1&id=p02".into(), numbered([2])),
    ];
    for (query, expected) in cases {
        let reply = world.get(&format!("{IMAGES}?{query}")).await;
        assert_eq!(ids(&reply), expected, "{query}");
        assert_eq!(reply.json["totalItems"], expected.len(), "{query}");
    }
    let all = world.get("/allImages?tags=even&space=2").await;
    assert_eq!(ids(&all), numbered((24..30).filter(|n| n % 2 == 0)));
    let batch = all.json["member"][0]["batch"].as_str().unwrap();
    for batch in [batch, batch.rsplit('/').next().unwrap()] {
        assert_eq!(world.get(&format!("/allImages?batch={batch}")).await.json["totalItems"], 30);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_lead_through_all_pages_and_keep_every_parameter() {
    let world = library().await;
    let (mut seen, mut pages) = (Vec::new(), Vec::new());
    let mut next = "/allImages?orderBy=string1&string2=x&page=1&mine=%20&pageSize=7".to_owned();
    loop {
        let reply = world.get(&next).await;
        seen.extend(ids(&reply));
        assert_eq!((&reply.json["totalItems"], &reply.json["pageSize"]), (&json!(29), &json!(7)));
        let view = reply.json["view"].clone();
        assert_eq!((&view["totalPages"], &view["pageSize"]), (&json!(5), &json!(7)));
        for name in ["@id", "first", "last", "next", "previous"] {
            let kept = view
                .get(name)
                .is_none_or(|link| link.as_str().unwrap().contains("orderBy=string1&string2=x&mine=%20&"));
            assert!(kept, "{view}");
        }
        pages.push((reply, path(&world, &view["@id"])));
        let Some(link) = view.get("next") else { break };
        next = path(&world, link);
    }
    let mut expected = numbered((0..30).filter(|n| *n != 7));
    expected.sort_by_key(|id| id[1..].parse::<usize>().unwrap() % 3);
    assert_eq!(seen, expected);
    assert_eq!(pages.len(), 5);
    assert_eq!(pages[0].0.json["view"].get("previous"), None);
    for pair in pages.windows(2) {
        let back = world.get(&path(&world, &pair[1].0.json["view"]["previous"])).await;
        assert_eq!(ids(&back), ids(&pair[0].0), "the page before");
    }
    for (number, (page, link)) in pages.iter().enumerate() {
        let jumped = world.get(&format!("/allImages?orderBy=string1&string2=x&pageSize=7&page={}", number + 1)).await;
        assert_eq!((ids(&jumped), &jumped.json["view"]["page"]), (ids(page), &json!(number + 1)));
        assert_eq!(ids(&world.get(link).await), ids(page), "its own link");
    }
    let last = world.get(&path(&world, &pages[0].0.json["view"]["last"])).await;
    assert_eq!(ids(&last), ids(&pages[4].0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_orders_both_ways() {
    let world = library().await;
    for (order, expected) in [
        ("", numbered(0..24)),
        ("orderBy=id", numbered(0..24)),
        ("orderByDescending=id", numbered((0..24).rev())),
        ("orderBy=number1", numbered((0..24).rev())),
        ("orderByDescending=number1", numbered(0..24)),
        ("orderBy=created", numbered(0..24)),
        ("orderBy=finished", numbered(0..24)),
        ("orderByDescending=width", numbered((0..24).rev())),
        ("orderBy=height", numbered(0..24)),
        ("orderBy=string3", numbered(0..24)),
        ("orderBy=number2", numbered(0..24)),
        ("orderBy=number3", numbered(0..24)),
    ] {
        assert_eq!(ids(&world.get(&format!("{IMAGES}?{order}")).await), expected, "{order}");
    }
    let by_origin = ids(&world.get(&format!("{IMAGES}?orderBy=origin&pageSize=4")).await);
    assert_eq!(by_origin, numbered([0, 1, 10, 11]));
    let by_text = ids(&world.get(&format!("{IMAGES}?orderByDescending=string2&pageSize=2")).await);
    assert_eq!(by_text, numbered([23, 22]));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_clamped_and_past_the_end_there_is_nothing() {
    let world = library().await;
    for (query, size, page, members) in [
        ("", 100, 1, 24),
        ("pageSize=0&page=0", 100, 1, 24),
        ("pageSize=-3&page=-3", 100, 1, 24),
        ("pageSize=many&page=x", 100, 1, 24),
        ("pageSize=5000", 1000, 1, 24),
        ("pageSize=10&page=3", 10, 3, 4),
        ("pageSize=10&page=4", 10, 4, 0),
        ("pageSize=1000&page=9223372036854775807", 1000, i64::MAX / 1000, 0),
    ] {
        let reply = world.get(&format!("{IMAGES}?{query}")).await;
        assert_eq!((reply.status.as_u16(), &reply.json["pageSize"]), (200, &json!(size)), "{query}");
        assert_eq!((reply.members("id").len(), &reply.json["totalItems"]), (members, &json!(24)), "{query}");
        let view = reply.json.get("view");
        assert_eq!(view.map(|view| view["page"].clone()), (page > 1).then(|| json!(page)), "{query}");
    }
    let past = world.get(&format!("{IMAGES}?pageSize=10&page=9")).await.json["view"].clone();
    assert_eq!((past.get("next"), path(&world, &past["previous"])), (None, format!("{IMAGES}?page=3&pageSize=10")));
    let empty = world.get("/spaces/2/images?string1=none").await;
    assert_eq!((&empty.json["member"], empty.json.get("view")), (&json!([]), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_meant_is_refused_by_name() {
    let world = World::start(&[]).await;
    let cases = [
        ("orderBy=size", "?orderBy unknown-field"),
        ("orderByDescending=Id", "?orderByDescending unknown-field"),
        ("orderBy=id&orderByDescending=id", "?orderByDescending contradiction"),
        ("orderBy=id&orderBy=id", "?orderBy repeated"),
        ("page=1&page=2", "?page repeated"),
        ("q=[]", "?q wrong-type"),
        ("q=1", "?q wrong-type"),
        ("q=%7B", "?q wrong-type"),
        ("q=%7B%22number1%22:%22x%22%7D", "?q/number1 wrong-type"),
        ("q=%7B%22tags%22:%5B1%5D%7D", "?q/tags/0 wrong-type"),
        ("number1=1.5", "?number1 wrong-type"),
        ("number2=99999999999999999999", "?number2 wrong-type"),
        ("number3=", "?number3 wrong-type"),
        ("space=99999999999", "?space out-of-range"),
        ("batch=x", "?batch wrong-type"),
        ("state=done", "?state unknown-value"),
        ("error=oops", "?error unknown-value"),
        ("createdAfter=2026-02-30", "?createdAfter invalid-date"),
        ("createdBefore=99999-01-01T00:00:00Z", "?createdBefore invalid-date"),
        ("string1=a%00b", "?string1 invalid-character"),
        ("id=%00", "?id invalid-character"),
        ("tags=%00", "?tags invalid-character"),
        ("string1=%FF", "?string1 invalid-encoding"),
        ("string1=a&string1=b", "?string1 repeated"),
        ("after=x", "?after invalid-cursor"),
        ("before=WyIiLFtdXQ", "?before invalid-cursor"),
        // A place in the order by number1 that has a text where the number stands.
        ("orderBy=number1&after=WyJudW1iZXIxIixbIngiLDFdXQ", "?after invalid-cursor"),
    ];
    for collection in [IMAGES, "/allImages"] {
        for (query, fault) in cases {
            let reply = world.get(&format!("{collection}?{query}")).await;
            assert_eq!((reply.status.as_u16(), reply.faults()), (400, vec![fault.to_owned()]), "{query}");
        }
    }
    for collection in ["/spaces", "/keys", "/customers"] {
        for (query, fault) in [("orderBy=width", "?orderBy unknown-field"), ("after=%00", "?after invalid-cursor")] {
            let reply = world.get(&format!("{collection}?{query}")).await;
            assert_eq!((reply.status.as_u16(), reply.faults()), (400, vec![fault.to_owned()]), "{collection}?{query}");
        }
    }
    let both = world.get(&format!("{IMAGES}?orderBy=x&state=y&number1=z")).await;
    assert_eq!(both.faults().len(), 3);
    assert_eq!(world.get("/spaces/9/images").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn totals_are_exact_at_once() {
    let world = library().await;
    let total = async |path: &str| world.get(path).await.json["totalItems"].as_i64().unwrap();
    assert_eq!((total(IMAGES).await, total("/allImages").await, total("/allImages?space=2").await), (24, 30, 6));
    let deleted = world.send(world.request(Method::DELETE, "/spaces/1/images/p03", &world.key)).await;
    assert_eq!(deleted.status, 204);
    assert_eq!((total(IMAGES).await, total("/allImages").await, total("/allImages?tags=odd").await), (23, 29, 14));
    assert_eq!(world.get("/spaces/1").await.json["numberOfImages"], 23);
    let (_, stranger) = world.new_customer("other").await;
    let theirs = world.request(Method::GET, "/customers", &stranger);
    let theirs =
        world.send(theirs).await.json["member"][0]["@id"].as_str().unwrap().strip_prefix(PUBLIC).unwrap().to_owned();
    let nothing = world.send(world.request(Method::GET, &format!("{theirs}/allImages"), &stranger)).await;
    assert_eq!(nothing.json["totalItems"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn spaces_customers_and_keys_have_pages_too() {
    let world = World::start(&[]).await;
    for name in ["b", "a", "C"] {
        world.create(&world.key, "/spaces", &json!({"name": name})).await;
        world.create(&world.key, "/keys", &Value::Null).await;
    }
    let names = |reply: &Reply| reply.members("name");
    assert_eq!(names(&world.get("/spaces?orderBy=name").await), ["C", "a", "b", "pages"]);
    assert_eq!(names(&world.get("/spaces?orderByDescending=created").await), ["C", "a", "b", "pages"]);
    assert_eq!(names(&world.get("/spaces?orderByDescending=id&pageSize=2").await), ["C", "a"]);
    for collection in ["/spaces?orderBy=name&pageSize=1", "/keys?pageSize=1"] {
        let whole = world.get(&collection.replace("pageSize=1", "pageSize=9")).await;
        let (mut next, mut seen) = (collection.to_owned(), Vec::new());
        loop {
            let page = world.get(&next).await;
            seen.extend(page.members("@id"));
            let Some(link) = page.json["view"].get("next") else { break };
            next = path(&world, link);
        }
        assert_eq!((seen.len(), seen), (4, whole.members("@id")), "{collection}");
    }
    let admin = world.admin();
    let first = world.send(world.request(Method::GET, "/customers?pageSize=1", &admin)).await;
    let next = first.json["view"]["next"].as_str().unwrap().strip_prefix(PUBLIC).unwrap().to_owned();
    let second = world.send(world.request(Method::GET, &next, &admin)).await;
    assert_eq!((names(&first), names(&second)), (vec![json!("admin")], vec![json!("library")]));
}
