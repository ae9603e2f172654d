//! Real servers for tests: an own database, an own virtual host, a service in the test's process with a client, and
//! waiting without guessing.
//!
//! The servers themselves are started by `./deploy/local/test`, which names them in [`DATABASE_VARIABLE`],
//! [`AMQP_VARIABLE`] and [`RABBITMQ_API_VARIABLE`]. Every test takes a database or virtual host of its own, so that
//! all of them can run at once; what a test took is given back when the value is dropped.

mod cleanup;
mod client;
mod database;
mod eventually;
mod served;
pub mod servers;
mod tenants;
mod vhost;

use anyhow::Context as _;

pub use client::{Client, Key, PUBLIC, Reply};
pub use database::TestDatabase;
pub use eventually::eventually;
pub use served::Served;
pub use tenants::{Route, Tenant, Tenants};
pub use vhost::TestVhost;

/// Names the Postgres server: a URL of a user who may create databases.
pub const DATABASE_VARIABLE: &str = "DLCS_TEST_DATABASE_URL";
/// Names the RabbitMQ server: `amqp://user:password@host:port`, without a virtual host.
pub const AMQP_VARIABLE: &str = "DLCS_TEST_AMQP_URL";
/// Names RabbitMQ's management API: `http://user:password@host:port`.
pub const RABBITMQ_API_VARIABLE: &str = "DLCS_TEST_RABBITMQ_API";

/// The server that `variable` names, without a slash at its end.
fn server(variable: &str) -> anyhow::Result<String> {
    let url = std::env::var(variable)
        .with_context(|| format!("{variable} is not set: run ./deploy/local/test, which starts the servers"))?;
    Ok(url.trim_end_matches('/').to_owned())
}

/// A name that nothing else on the server has.
fn unique_name() -> String {
    format!("dlcs_test_{}", uuid::Uuid::new_v4().simple())
}
