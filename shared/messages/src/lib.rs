//! THE message schema: what travels through the broker. A message is a hint; the truth is in Postgres, so a message
//! carries only what is needed to look there.

pub mod event;
pub mod hint;
pub mod probe;
pub mod topology;

pub use event::Event;
pub use hint::Hint;
pub use probe::{Found, Probe, Probed};

/// A message that cannot be read; it is logged and dropped, because the sweeper owns recovery.
#[derive(Debug, thiserror::Error)]
#[error("unreadable message: {0}")]
pub struct Unreadable(#[from] serde_json::Error);
