//! What the workers share: how a job is claimed, kept alive and ended, and where its temporary files are.

mod work_dir;

pub use work_dir::{WorkDir, WorkerSettings};
