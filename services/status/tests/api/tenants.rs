//! Every route of the status service × every caller. The table is the service's own, so a new route cannot be
//! forgotten.

use std::collections::BTreeMap;

use dlcs_db::{Slice, api_key, batch, customer};
use dlcs_model::{BatchFilter, BatchId, CustomerId};
use dlcs_testkit::{Client, Key, Tenant, Tenants};
use secrecy::SecretString;

use crate::support::World;

async fn add_key(world: &World, customer: CustomerId, name: &str) -> Key {
    api_key::put(&mut *world.db().await, customer, name, &SecretString::from(name)).await.unwrap();
    Key(name.to_owned(), name.to_owned())
}

fn tenant(customer: CustomerId, name: &str, batch: BatchId) -> Tenant {
    let ids = BTreeMap::from([("batch", batch.to_string())]);
    Tenant { customer: customer.0.into(), key: Key(name.to_owned(), name.to_owned()), ids }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_lets_in_whom_it_should_and_nobody_else() {
    let world = World::start().await;
    let administrator = customer::create(&mut *world.db().await, "admin", "admin", true).await.unwrap().id;
    let admin = add_key(&world, administrator, "admin").await;
    let revoked = add_key(&world, world.customer, "revoked").await;
    let gone = api_key::revoke(&mut *world.db().await, world.customer, "revoked", &|_| true).await.unwrap();
    assert_eq!(gone, api_key::Revoked::Done);
    let mine = world.register(world.customer, &["a", "b"], None).await;
    let theirs = world.register(world.other, &["a", "b"], None).await;
    world.work(mine, 0, false).await;
    world.work(theirs, 0, false).await;
    let (own, other) = (tenant(world.customer, "library", mine), tenant(world.other, "other", theirs));
    let tenants = Tenants { client: Client::new(world.root()).unwrap(), admin, revoked, own, other };
    let routes = status::routes().into_iter().map(|route| (route.method.to_string(), route.path));
    let faults = tenants.faults(&routes.collect::<Vec<_>>()).await.unwrap();
    assert!(faults.is_empty(), "{}", faults.join("\n"));

    // And nothing of the other's was touched on the way.
    let (mut db, all, first) = (world.db().await, BatchFilter::default(), Slice::first(10));
    let batches = batch::list(&mut db, world.other, batch::Which::All, &all, &first).await.unwrap().rows;
    assert_eq!((batches.len(), batches[0].cancelled), (1, None), "neither cancelled nor retried");
}
