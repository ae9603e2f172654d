//! Collections of batches and of their members: filters, orders and pages.

use serde_json::{Value, json};

use crate::support::{PUBLIC, Reply, World};

/// Waits until the roller has seen the ends of all that was worked on.
async fn settled(world: &World, errors: i64) {
    let probe = async || {
        let batches = world.get("/batches").await;
        let count: i64 = batches.members("errors").iter().map(|n| n.as_i64().unwrap()).sum();
        (count == errors).then_some(())
    };
    dlcs_testkit::eventually("the roller", std::time::Duration::from_secs(10), probe).await.unwrap();
}

fn labels(reply: &Reply) -> Vec<Value> {
    assert_eq!(reply.status, 200, "{}", reply.json);
    assert_eq!(reply.json["totalItems"], reply.members("label").len());
    reply.members("label")
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_are_filtered_and_ordered() {
    let world = World::start().await;
    let good = world.register(world.customer, &["a"], Some("good")).await;
    let bad = world.register(world.customer, &["b"], Some("bad")).await;
    let half = world.register(world.customer, &["c", "d"], Some("half")).await;
    world.register(world.customer, &["e"], Some("good")).await;
    world.register(world.other, &["e"], Some("good")).await;
    world.work(bad, 0, false).await;
    world.work(good, 0, true).await;
    world.work(half, 1, false).await;
    settled(&world, 2).await;
    let list = async |query: &str| labels(&world.get(query).await);
    assert_eq!(list("/batches?label=good").await, ["good", "good"]);
    assert_eq!(list("/batches?label=Good").await, Vec::<Value>::new());
    assert_eq!(list("/active?label=good").await, ["good"]);
    assert_eq!(list("/batches?state=ready").await, ["good"]);
    assert_eq!(list("/batches?state=error").await, ["bad"]);
    assert_eq!(list("/batches?state=ingesting").await, ["half"]);
    assert_eq!(list("/batches?state=waiting&label=good").await, ["good"]);
    assert_eq!(list("/batches?orderBy=id").await, ["good", "bad", "half", "good"]);
    assert_eq!(list("/batches?orderByDescending=submitted").await, ["good", "half", "bad", "good"]);
    // Those under way come after all that have finished.
    let finished = list("/batches?orderBy=finished").await;
    assert_eq!(finished[2..], ["half", "good"], "{finished:?}");
    assert_eq!(list("/recent?orderBy=id").await, ["good", "bad"]);
    let (first, second) = (world.get("/batches?pageSize=3").await, world.get("/batches?pageSize=3&page=2").await);
    let next = first.json["view"]["next"].as_str().unwrap();
    let next = next.strip_prefix(&format!("{PUBLIC}/customers/{}/queue", world.customer)).unwrap();
    let followed = world.get(next).await;
    assert_eq!((followed.members("@id"), second.members("label")), (second.members("@id"), vec![json!("good")]));
    for (query, fault) in [
        ("label=a&label=b", "?label repeated"),
        ("label=%00", "?label invalid-character"),
        ("state=new", "?state unknown-value"),
        ("orderBy=label", "?orderBy unknown-field"),
    ] {
        let refused = world.get(&format!("/batches?{query}")).await;
        assert_eq!((refused.status.as_u16(), refused.faults()), (400, vec![fault.to_owned()]), "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_members_of_a_batch_are_filtered_by_their_outcome_in_it() {
    let world = World::start().await;
    let batch = world.register(world.customer, &["a", "b", "c", "d"], None).await;
    world.work(batch, 0, true).await;
    world.work(batch, 1, false).await;
    let newer = world.register(world.customer, &["b", "c"], None).await;
    let list = async |query: &str| {
        let reply = world.get(&format!("/batches/{batch}/{query}")).await;
        assert_eq!(
            (reply.status.as_u16(), &reply.json["totalItems"]),
            (200, &json!(reply.members("id").len())),
            "{query}"
        );
        reply.members("id")
    };
    assert_eq!(list("assets").await, ["a", "b", "c", "d"]);
    assert_eq!(list("assets?orderByDescending=id").await, ["d", "c", "b", "a"]);
    assert_eq!(list("assets?orderBy=width").await, ["a", "b", "c", "d"]);
    assert_eq!(list("assets?state=error").await, ["b", "c"]);
    assert_eq!(list("assets?error=superseded").await, ["c"]);
    assert_eq!(list("assets?state=waiting").await, ["d"]);
    assert_eq!(list("completedImages?string1=").await, ["a"]);
    assert_eq!(list("errorImages?orderByDescending=created&pageSize=1000").await, ["c", "b"]);
    assert_eq!(list("errorImages?id=b&space=1").await, ["b"]);
    assert_eq!(list("assets?space=2").await, Vec::<Value>::new());
    assert_eq!(list("images").await, ["a", "d"]);
    assert_eq!(list(&format!("assets?batch={newer}")).await, ["b", "c"]);
    let (mut seen, mut next) = (Vec::new(), format!("/batches/{batch}/assets?pageSize=1&orderByDescending=finished"));
    loop {
        let page = world.get(&next).await;
        seen.extend(page.members("id"));
        let Some(link) = page.json["view"].get("next") else { break };
        let prefix = format!("{PUBLIC}/customers/{}/queue", world.customer);
        next = link.as_str().unwrap().strip_prefix(&prefix).unwrap().to_owned();
    }
    assert_eq!(seen, ["d", "c", "b", "a"]);
    assert_eq!(world.get("/images").await.members("id"), ["d", "b", "c"]);
    assert_eq!(world.get("/images?orderBy=id&state=waiting").await.members("id"), ["b", "c", "d"]);
    assert_eq!(world.get("/images?orderBy=size").await.faults(), ["?orderBy unknown-field"]);
}
