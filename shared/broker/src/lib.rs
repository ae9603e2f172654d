//! RabbitMQ, as this system uses it: a carrier of hints and events whose loss, repetition and reordering cost time and
//! nothing else. One connection per process, kept for ever; hints published with confirms; hints consumed by lane.
//!
//! - [`Broker::start`] gives the connection that reconnects by itself and declares the topology each time,
//! - [`Publisher`] says of every hint whether the broker has it,
//! - [`Broker::subscribe_events`] hears events, and says when some may have been missed,
//! - [`Broker::probe`] asks a question that [`answer_probes`] answers somewhere,
//! - [`consume`] runs a handler for the hints of a stage, with reserved slots for the priority lane.

mod connection;
mod consumer;
mod events;
mod metrics;
mod probes;
mod publisher;
mod settings;
mod topology;

pub use connection::{Broker, BrokerError};
pub use consumer::{Slots, Verdict, consume};
pub use events::Heard;
pub use probes::answer_probes;
pub use publisher::Publisher;
pub use settings::{AmqpUrl, BrokerSettings};
