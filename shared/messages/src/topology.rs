//! The names in the broker. Declared in `dlcs-broker`, used nowhere else as literals.

use dlcs_model::{Lane, Stage};

/// The topic exchange for [`crate::Event`]s.
pub const EVENTS_EXCHANGE: &str = "dlcs.events";

/// The exchange for what the broker gave up delivering.
pub const DEAD_LETTER_EXCHANGE: &str = "dlcs.dead";

/// The queue behind [`DEAD_LETTER_EXCHANGE`]; an alarm watches its length, nothing is decided from it.
pub const DEAD_LETTER_QUEUE: &str = "dlcs.dead";

/// The queue of [`crate::Probe`]s.
pub const PROBES: &str = "dlcs.probe";

/// The queue of a stage and lane.
#[must_use]
pub fn queue(stage: Stage, lane: Lane) -> &'static str {
    match (stage, lane) {
        (Stage::Fetch, Lane::Normal) => "dlcs.fetch",
        (Stage::Fetch, Lane::Priority) => "dlcs.fetch.priority",
        (Stage::Process, Lane::Normal) => "dlcs.process",
        (Stage::Process, Lane::Priority) => "dlcs.process.priority",
    }
}
