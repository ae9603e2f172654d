//! Every route of the gateway × every caller. The table is the gateway's own, so a new route cannot be forgotten.

use std::collections::BTreeMap;

use dlcs_messages::{Found, Probed};
use dlcs_testkit::{Client, Tenant, Tenants};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Key, Reply, World};

/// A space, an image in it, a portal user, an origin strategy and a spare key, all with ids that nobody else has.
async fn furnish(world: &World, customer: i64, key: &Key, space: i64, image: &str) -> BTreeMap<&'static str, String> {
    let root = format!("/customers/{customer}");
    let put = world.request(Method::PUT, &format!("{root}/spaces/{space}"), key);
    assert!(world.send(put.json(&json!({"name": "furnished"}))).await.status.is_success());
    let member = json!({"space": space, "id": image, "origin": "http://origin.example/a.jpg"});
    let batch = world.create(key, &format!("{root}/queue"), &json!({"member": [member]})).await;
    let spare = world.create(key, &format!("{root}/keys"), &Value::Null).await;
    let body = json!({"email": format!("{image}@example.org"), "password": "a password of some length"});
    let user = world.create(key, &format!("{root}/portalUsers"), &body).await;
    let body = json!({"regex": "http://origin.example/.*", "strategy": "default"});
    let strategy = world.create(key, &format!("{root}/originStrategies"), &body).await;
    let last = |made: &Reply| made.json["@id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    BTreeMap::from([
        ("space", space.to_string()),
        ("image", image.to_owned()),
        ("batch", last(&batch)),
        ("key", last(&spare)),
        ("user", last(&user)),
        ("strategy", last(&strategy)),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_whom_it_should_and_nobody_else() {
    let world = World::start(&["--queue-depth", "0", "--rate-failures-per-minute", "0"]).await;
    world.answer_probes(|_| Probed { strategy: None, found: Found::Readable { bytes: None, media_type: None } });
    let (customer, key) = world.new_customer("other").await;
    let other = Tenant { customer, ids: furnish(&world, customer, &key, 77, "theirs").await, key };
    let ids = furnish(&world, world.customer, &world.key, 5, "mine").await;
    let built_in = [("policy", "default".to_owned()), ("type", "Image".to_owned())];
    let own =
        Tenant { customer: world.customer, key: world.key.clone(), ids: ids.into_iter().chain(built_in).collect() };
    let revoked = world.create(&own.key, "/keys", &Value::Null).await.json;
    let [key, secret] = ["key", "secret"].map(|name| revoked[name].as_str().unwrap().to_owned());
    let delete = world.request(Method::DELETE, &format!("/keys/{key}"), &own.key);
    assert_eq!(world.send(delete).await.status, 204);
    let client = Client::new(&world.root).unwrap();
    let tenants = Tenants { client, admin: world.admin(), revoked: Key(key, secret), own, other };
    let routes = gateway::routes().into_iter().map(|route| (route.method.to_string(), route.path));
    let faults = tenants.faults(&routes.collect::<Vec<_>>()).await.unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));

    // And nothing of the other's was touched on the way.
    let Tenant { customer, key, ids } = &tenants.other;
    let root = format!("/customers/{customer}");
    let image = format!("{root}/spaces/77/images/theirs");
    let image = world.send(world.request(Method::GET, &image, key)).await;
    assert_eq!((image.status.as_u16(), &image.json["origin"]), (200, &json!("http://origin.example/a.jpg")));
    assert!(image.json["batch"].as_str().unwrap().ends_with(&format!("/{}", ids["batch"])), "{}", image.json);
    let space = world.send(world.request(Method::GET, &format!("{root}/spaces/77"), key)).await;
    assert_eq!((&space.json["name"], &space.json["numberOfImages"]), (&json!("furnished"), &json!(1)));
    let keys = world.send(world.request(Method::GET, &format!("{root}/keys"), key)).await;
    assert_eq!(keys.json["totalItems"], 2);
}
