//! Programs that were written for the DLCS of before are pointed here and run: what they send is taken, what they read
//! is there. The requests are those of the published clients: dlcs-net (2016), dlcs-py (generated from today's API) and
//! the one in Wellcome's iiif-builder.

#![cfg(test)]

mod bulk;
mod generated;
mod names;
mod wellcome;

use dlcs_tests::{Client, World};
use reqwest::Method;
use serde_json::Value;

/// Sends text as it stands, with headers that the client of old sent.
async fn send(client: &Client, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, Value) {
    let mut request = client.request(method, path).body(body.to_owned());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.unwrap();
    (response.status().as_u16(), serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null))
}

/// JSON with line breaks, as the C# clients write it.
fn indented(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap().replace('\n', "\r\n")
}

/// A world and the origin's root; every path there is a small image.
async fn world() -> (World, String) {
    let world = World::start().await.unwrap();
    let (_, photo) = dlcs_tests::photos::all().unwrap().into_iter().min_by_key(|(_, bytes)| bytes.len()).unwrap();
    for name in ["1.jpg", "2.jpg", "3.jpg"] {
        world.origin.set(&format!("/{name}"), dlcs_tests::Answer::Bytes(photo.clone()));
    }
    let root = world.origin.root.clone();
    (world, root)
}
