//! What the connection and its users count.

use anyhow::Context as _;
use dlcs_service::Context;
use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts};

pub(crate) struct Metrics {
    pub(crate) connected: IntGauge,
    pub(crate) connections: IntCounter,
    pub(crate) published: IntCounterVec,
    pub(crate) delivered: IntCounterVec,
    pub(crate) heard: IntCounter,
}

impl Metrics {
    pub(crate) fn register(context: &Context) -> anyhow::Result<Self> {
        let name = |thing: &str| format!("dlcs_{}_broker_{thing}", context.name);
        let metrics = Self {
            connected: IntGauge::new(name("connected"), "1 while there is a connection to the broker")?,
            connections: IntCounter::new(name("connections_total"), "connections made since the start")?,
            published: IntCounterVec::new(
                Opts::new(name("published_total"), "messages published, by whether the broker confirmed them"),
                &["kind", "outcome"],
            )?,
            delivered: IntCounterVec::new(
                Opts::new(name("delivered_total"), "hints delivered, by queue and what became of them"),
                &["queue", "outcome"],
            )?,
            heard: IntCounter::new(name("events_heard_total"), "events received")?,
        };
        let Self { connected, connections, published, delivered, heard } = &metrics;
        let registry = &context.registry;
        registry.register(Box::new(connected.clone())).context("a process has one broker connection")?;
        registry.register(Box::new(connections.clone()))?;
        registry.register(Box::new(published.clone()))?;
        registry.register(Box::new(delivered.clone()))?;
        registry.register(Box::new(heard.clone()))?;
        Ok(metrics)
    }
}
