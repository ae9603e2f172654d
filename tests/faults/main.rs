//! Whatever dies in the middle of a batch, the end is the same, and nobody has to touch anything.

#![cfg(test)]

mod servers;

use std::time::Duration;

use dlcs_tests::{Answer, World, photos, pixels};
use serde_json::json;
use servers::OwnServers;

const GOOD: usize = 60;

/// Posts 60 good images and 2 bad ones whose origin takes a moment for each, so that there is a middle.
async fn post(world: &World) -> String {
    let photos = photos::all().unwrap();
    let mut members = Vec::new();
    for number in 0..GOOD {
        let (_, photo) = &photos[number % photos.len()];
        let answer = Answer::Slow(photo.clone(), Duration::from_millis(300));
        members.push((format!("page-{number}"), world.origin.set(&format!("/{number}.jpg"), answer)));
    }
    for bad in ["missing-1", "missing-2"] {
        members.push((bad.to_owned(), world.origin.set(&format!("/{bad}"), Answer::Status(404))));
    }
    world.post(&members).await.unwrap()
}

/// Waits until the batch is under way but not done.
async fn middle(world: &World, batch: &str) {
    for _ in 0..600 {
        let now = world.client.get(batch).await.unwrap();
        if now["completed"].as_u64().is_some_and(|n| n >= 5) {
            assert!(now["finished"].is_null(), "the batch was over too soon to test anything");
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the batch does not get going:\n{}\n{}", world.log_tail("fetcher"), world.log_tail("processor"));
}

/// Files that a killed worker may leave in staging: each slot one that was stored when nothing knew of it yet.
const LEFT_BY_KILLED: usize = 16;

/// The batch ends as if nothing had happened, every completed image can be seen, and no more than `left` files stay in
/// staging.
async fn ends_well(world: &World, batch: &str, within: Duration, left: usize) {
    let done = world.client.finished(batch, within).await.unwrap();
    assert_eq!((&done["completed"], &done["errors"]), (&json!(GOOD), &json!(2)), "{done}");
    for number in 0..GOOD {
        let thumbnail = format!("{}/full/!100,100/0/default.jpg", world.iiif(&format!("page-{number}")));
        let (status, _, bytes) = world.client.bytes(&thumbnail).await.unwrap();
        assert_eq!(status, 200, "page {number}");
        pixels::jpeg(&bytes).expect("a thumbnail is a JPEG");
    }
    let staged = std::fs::read_dir(world.store().join("staging")).map(|batches| {
        batches.filter_map(Result::ok).map(|b| std::fs::read_dir(b.path()).map_or(0, Iterator::count)).sum::<usize>()
    });
    let staged = staged.unwrap_or(0);
    assert!(staged <= left, "{staged} files are left in staging");
}

#[tokio::test(flavor = "multi_thread")]
async fn fetcher_and_processor_are_killed() {
    let mut world = World::start().await.unwrap();
    let batch = post(&world).await;
    middle(&world, &batch).await;
    for service in ["fetcher", "processor"] {
        world.kill(service).unwrap();
        world.launch(service).unwrap();
    }
    ends_well(&world, &batch, Duration::from_secs(180), LEFT_BY_KILLED).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_and_status_are_killed() {
    let mut world = World::start().await.unwrap();
    let batch = post(&world).await;
    middle(&world, &batch).await;
    for service in ["gateway", "status"] {
        world.kill(service).unwrap();
        world.launch(service).unwrap();
    }
    ends_well(&world, &batch, Duration::from_secs(120), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_stops_for_20_seconds() {
    let own = OwnServers::start().await.unwrap();
    let world = World::start_on(own.servers().await.unwrap(), &[]).await.unwrap();
    let batch = post(&world).await;
    middle(&world, &batch).await;
    own.rabbitmq("stop").await.unwrap();
    let meanwhile = world.origin.set("/meanwhile.jpg", Answer::Bytes(photos::all().unwrap()[0].1.clone()));
    let accepted = world.post(&[("meanwhile".to_owned(), meanwhile)]).await.expect("the API accepts without a broker");
    tokio::time::sleep(Duration::from_secs(20)).await;
    own.rabbitmq("start").await.unwrap();
    ends_well(&world, &batch, Duration::from_secs(180), 0).await;
    let accepted = world.client.finished(&accepted, Duration::from_secs(60)).await.unwrap();
    assert_eq!(accepted["completed"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_restarted() {
    let own = OwnServers::start().await.unwrap();
    let world = World::start_on(own.servers().await.unwrap(), &[]).await.unwrap();
    let batch = post(&world).await;
    middle(&world, &batch).await;
    own.postgres("kill").await.unwrap();
    own.postgres("start").await.unwrap();
    ends_well(&world, &batch, Duration::from_secs(180), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_served_while_everything_else_is_down() {
    let own = OwnServers::start().await.unwrap();
    let mut world = World::start_on(own.servers().await.unwrap(), &[]).await.unwrap();
    let photo = photos::all().unwrap()[0].1.clone();
    let origin = world.origin.set("/page.jpg", Answer::Bytes(photo));
    let batch = world.post(&[("page".to_owned(), origin)]).await.unwrap();
    world.client.finished(&batch, Duration::from_secs(60)).await.unwrap();

    for service in ["gateway", "status", "fetcher", "processor", "images"] {
        world.kill(service).unwrap();
    }
    own.postgres("stop").await.unwrap();
    own.rabbitmq("stop").await.unwrap();
    // Started afresh, it cannot have anything in memory.
    world.launch("images").unwrap();
    world.ready("images").await.unwrap();
    for request in
        ["info.json", "full/!400,400/0/default.jpg", "0,0,512,512/512,512/0/default.jpg", "square/200,/90/gray.png"]
    {
        let url = format!("{}{}/{request}", world.images_url, world.iiif("page"));
        let (status, ..) = world.client.bytes(&url).await.unwrap();
        assert_eq!(status, 200, "{request}");
    }
}
