//! Many images at once, by full ids.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{indented, send, world};

const JSON: [(&str, &str); 1] = [("Content-Type", "application/json")];

fn collection(members: Vec<Value>) -> String {
    indented(&json!({
        "@context": "http://www.w3.org/ns/hydra/context.jsonld", "@type": "Collection", "member": members
    }))
}

#[tokio::test(flavor = "multi_thread")]
async fn images_are_found_changed_and_deleted_by_full_ids() {
    let (world, origin) = world().await;
    let members: Vec<_> = (1..=3).map(|n| (format!("p{n}"), format!("{origin}/{n}.jpg"))).collect();
    let batch = world.post(&members).await.unwrap();
    world.client.finished(&batch, std::time::Duration::from_secs(60)).await.unwrap();
    let (customer, space) = (world.customer, world.space);
    let full = |id: &str| format!("{customer}/{space}/{id}");

    let all = format!("/customers/{customer}/allImages");
    let asked = collection(vec![json!({"id": full("p1")}), json!({"id": full("p3")}), json!({"id": full("nothing")})]);
    let (status, found) = send(&world.client, Method::POST, &all, &JSON, &asked).await;
    assert_eq!(status, 200, "{found}");
    let mut ids: Vec<_> =
        found["member"].as_array().unwrap().iter().map(|image| image["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["p1", "p3"]);

    // The client sends numbers that it did not mean to change along, as zero.
    let images = format!("/customers/{customer}/spaces/{space}/images");
    let change =
        |id: &str| json!({"id": full(id), "tags": ["new"], "maxUnauthorised": 200, "number1": 0, "number2": 0});
    let (status, changed) =
        send(&world.client, Method::PATCH, &images, &JSON, &collection(vec![change("p1"), change("p2")])).await;
    assert_eq!(status, 200, "{changed}");
    let image = world.client.get(&world.image("p2")).await.unwrap();
    assert_eq!((&image["tags"], &image["maxUnauthorised"]), (&json!(["new"]), &json!(200)));

    let delete = format!("/customers/{customer}/deleteImages");
    let gone = collection(vec![json!({"id": full("p1")}), json!({"id": full("p2")})]);
    let (status, told) = send(&world.client, Method::POST, &delete, &JSON, &gone).await;
    assert_eq!((status, &told["deleted"]), (200, &json!(2)), "{told}");
    let (status, _) = send(&world.client, Method::POST, &delete, &JSON, &gone).await;
    assert_eq!(status, 404);
    assert_eq!(world.client.send(Method::GET, &world.image("p1"), None).await.unwrap().status, 404);
}
