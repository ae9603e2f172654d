//! What a worker does with a job, as the runner sees it.

use dlcs_db::queue::{Claim, Dispatched};
use dlcs_db::{AsyncPgConnection, DbError};
use dlcs_model::{Failure, Stage};

/// One kind of work. [`crate::serve`] does everything around it.
pub trait Work: Send + Sync + 'static {
    /// The stage that it takes items of.
    const STAGE: Stage;

    /// Whether a commit shows readers what was stored before it is certain. If so, and the answer to a commit was lost,
    /// what was stored stays: a few orphaned bytes are better than readers sent to what is gone.
    const PUBLISHES: bool = false;

    /// What the work leaves in the store, to be committed.
    type Output: Send + Sync + 'static;

    /// Does the work. Dropped in the middle when the lease is lost.
    ///
    /// # Errors
    /// Why the item did not succeed, with the class of retry.
    fn run(&self, claim: &Claim) -> impl Future<Output = Result<Self::Output, Failure>> + Send;

    /// Makes the result true, in one transaction that the lease's token fences. It is called again when it is not
    /// known whether the last call came through, so it has to recognise its own success.
    ///
    /// # Errors
    /// See [`CommitError`].
    fn commit(
        &self,
        conn: &mut AsyncPgConnection,
        claim: &Claim,
        output: &Self::Output,
    ) -> impl Future<Output = Result<Committed, CommitError>> + Send;

    /// Removes whatever the attempt has stored, all of it or part of it: it failed, or came too late.
    fn discard(&self, claim: &Claim) -> impl Future<Output = ()> + Send;

    /// Removes what only this stage needed, after the item has left it.
    fn tidy(&self, claim: &Claim) -> impl Future<Output = ()> + Send;
}

/// What became of a commit.
#[derive(Debug)]
pub enum Committed {
    /// The result is true now.
    Done {
        /// Bytes that it added to the store.
        bytes: u64,
        /// What to do next, to be published at once; nothing if the item has ended well.
        next: Option<Dispatched>,
    },
    /// The item was no longer ours.
    Fenced,
}

/// Why there is no commit.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The database failed; the same call may succeed a little later.
    #[error(transparent)]
    Database(#[from] DbError),
    /// Something else that belongs to the commit failed; whether anything was published is not known.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// The result must not become true. Nothing was published by this call.
    #[error("refused: {0}")]
    Refused(Failure),
}
