//! The queue: every transaction that moves an item, one file each. Together they keep these promises.
//!
//! - What was accepted is durable; each item ends exactly once, completed or in error, and is counted exactly once.
//! - Only the newest registration of an image may publish; nothing resurrects a deleted image.
//! - Whoever lost its lease can change nothing any more.
//! - No customer waits for another's backlog beyond its fair share.

pub mod accept;
pub mod cancel;
pub mod claim;
mod close;
pub mod complete;
pub mod delete;
pub mod discarded;
pub mod dispatch;
pub mod fail;
pub mod fetched;
mod fields;
pub mod follow;
pub mod heartbeat;
pub mod lag;
pub mod orphans;
pub mod patch;
pub mod quota;
pub mod release;
pub mod retry;
pub mod roll;
pub mod sweep;
#[cfg(test)]
mod tests;
mod turn;

pub use accept::{AcceptError, Accepted, Idempotency, Member, NewBatch, NewImage, Resettable, accept, accept_if};
pub use cancel::cancel_batch;
pub use claim::{Claim, Staged, claim};
pub use complete::{CompleteError, Facts, Outcome, Publication, complete};
pub use delete::{DeleteError, delete_image, delete_images};
pub use dispatch::{DispatchLimits, Dispatched, dispatch, undispatch};
pub use fail::{Failed, fail};
pub use fetched::fetched;
pub use follow::{FollowError, Wanted, follow};
pub use heartbeat::heartbeat;
pub use lag::{Lag, lag};
pub use orphans::{StagedAt, orphans};
pub use patch::{PatchError, patch_images};
pub use quota::{OverQuota, has_room};
pub use release::release;
pub use retry::{RetryError, retry_batch};
pub use roll::{Rolled, roll};
pub use sweep::{Swept, sweep};

/// Seconds that a lease lasts without a heartbeat.
pub const LEASE_SECONDS: i32 = 60;

/// Seconds after which a hint that nobody took up is given out again.
pub const DISPATCH_SECONDS: i32 = 60;

/// Runs a transaction again when Postgres had to break a tie between it and another.
macro_rules! untie {
    ($attempt:expr) => {{
        let mut ties = 0_u32;
        loop {
            match $attempt {
                Err(error) if ties < 5 && $crate::queue::Tie::is_tie(&error) => ties += 1,
                result => break result,
            }
        }
    }};
}
pub(crate) use untie;

/// Errors that may be such a tie.
pub(crate) trait Tie {
    fn is_tie(&self) -> bool;
}

impl Tie for crate::DbError {
    fn is_tie(&self) -> bool {
        match self {
            Self::Query(error) => crate::error::is_tie(error),
            Self::Connect(_) | Self::Migration(_) | Self::Cursor => false,
        }
    }
}
