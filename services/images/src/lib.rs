//! Image delivery: IIIF Image API 3.0 and 2.1 and stored thumbnails, from the object store and nothing else.
//!
//! A request goes: [`path`] → [`catalogue`] (who is it, what is stored) → a copy of stored bytes
//! ([`recent`] ones are at hand), or [`composer`] → [`reply`].

mod allocator;
mod budget;
mod catalogue;
mod clients;
mod composer;
mod conditional;
mod delivery;
mod flights;
mod information;
mod metrics;
mod objects;
mod path;
mod pictures;
mod pieces;
mod recent;
mod refusal;
mod renderers;
mod reply;
mod root;
mod server;
mod settings;

use std::net::TcpListener;

use anyhow::Context as _;
use dlcs_storage::Store;
use futures::future::BoxFuture;

pub use allocator::keep_nothing;
pub use server::serve;
pub use settings::{AccessLog, ClientLimit, DeliverySettings, Settings};

/// Runs the service until it is told to stop.
///
/// # Errors
/// If the store's settings are unusable or the port cannot be opened.
pub fn start(settings: Settings, context: dlcs_service::Context) -> BoxFuture<'static, anyhow::Result<()>> {
    // Boxed, so that the service is compiled here once and not again in every program that awaits it.
    Box::pin(run(settings, context))
}

async fn run(settings: Settings, context: dlcs_service::Context) -> anyhow::Result<()> {
    let Settings { service: _, storage, delivery } = settings;
    let store = Store::connect(&storage).await?;
    let listener = TcpListener::bind(delivery.listen)
        .with_context(|| format!("the port for requests cannot be opened at {}", delivery.listen))?;
    serve(&delivery, store, listener, context).await
}
