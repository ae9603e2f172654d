//! What the workers share: how a job is claimed, kept alive and ended, and where its temporary files are.
//!
//! A worker implements [`Work`] and calls [`serve`].

mod lease;
mod metrics;
mod runner;
mod settings;
mod work;

pub use runner::{Tools, serve};
pub use settings::WorkerSettings;
pub use work::{CommitError, Committed, Work};
