//! A customer with few images does not wait for a customer with many.

#![cfg(test)]

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use dlcs_tests::{Answer, Client, World};
use serde_json::json;

fn small_image() -> Arc<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    let pixels = image::RgbImage::from_fn(64, 64, |x, y| image::Rgb([x as u8 * 4, y as u8 * 4, 128]));
    pixels.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    Arc::new(bytes.into_inner())
}

async fn post(client: &Client, customer: i64, space: i64, origin: &str, count: usize) -> String {
    let member = |number| json!({"space": space, "id": format!("page-{number}"), "origin": origin});
    let members: Vec<_> = (0..count).map(member).collect();
    let batch = client.create(&format!("/customers/{customer}/queue"), &json!({"member": members})).await.unwrap();
    batch["@id"].as_str().unwrap().to_owned()
}

async fn ended(client: &Client, batch: &str) -> u64 {
    let batch = client.get(batch).await.unwrap();
    batch["completed"].as_u64().unwrap() + batch["errors"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_images_pass_twenty_thousand() {
    let world = World::start().await.unwrap();
    let origin = world.origin.set("/small.png", Answer::Bytes(small_image()));
    let (few, few_client) = world.new_customer("few").await.unwrap();
    let few_space = world.new_space(&few_client, few, "pages").await.unwrap();

    let mut backlog = Vec::new();
    for name in ["first", "second"] {
        let space = world.new_space(&world.client, world.customer, name).await.unwrap();
        backlog.push(post(&world.client, world.customer, space, &origin, 10_000).await);
    }
    while ended(&world.client, &backlog[0]).await < 20 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    let before = ended(&world.client, &backlog[0]).await + ended(&world.client, &backlog[1]).await;
    let batch = post(&few_client, few, few_space, &origin, 20).await;
    let done = few_client.finished(&batch, Duration::from_secs(120)).await.unwrap();
    let after = ended(&world.client, &backlog[0]).await + ended(&world.client, &backlog[1]).await;

    assert_eq!(done["completed"], 20, "{done}");
    assert!(before < 10_000, "the backlog was worked off before the test began");
    // A fair share would be 20 for 20; what was already on its way through two stages, and what ended between the
    // batch's last image and our looking, comes on top.
    let passed = after - before;
    assert!(passed < 1_000, "{passed} of the other customer's images went first");
}
