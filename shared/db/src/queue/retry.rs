//! Retrying a batch: its failed members registered again, as a new batch.

use diesel::sql_query;
use diesel::sql_types::BigInt;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_model::{BatchId, CustomerId};

use super::accept::{self, AcceptError, Accepted, NewBatch, NewImage};
use super::{Tie, untie};
use crate::sql::Prepare;
use crate::{DbError, batch, item};

/// A batch was not retried; nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum RetryError {
    /// The customer has no such batch.
    #[error("no such batch")]
    Unknown,
    /// No member of it has failed so far.
    #[error("nothing failed")]
    NothingFailed,
    /// Every member that failed was registered anew or deleted since.
    #[error("all that failed was registered anew or deleted")]
    NothingLeft,
    /// The new batch was not accepted.
    #[error(transparent)]
    Accept(#[from] AcceptError),
}

impl From<DbError> for RetryError {
    fn from(error: DbError) -> Self {
        Self::Accept(error.into())
    }
}

impl From<diesel::result::Error> for RetryError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Accept(error.into())
    }
}

impl Tie for RetryError {
    fn is_tie(&self) -> bool {
        matches!(self, Self::Accept(error) if error.is_tie())
    }
}

/// Registers the failed members of a customer's batch again, as they are now, under the batch's label and in its lane.
/// A member whose image was registered anew or deleted since is left out: its newest registration stands. So a second
/// call finds nothing left, however close it follows.
///
/// # Errors
/// See [`RetryError`]; nothing is stored then.
pub async fn retry_batch(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    id: BatchId,
) -> Result<Accepted, RetryError> {
    untie!(conn.transaction(async |conn| transact(conn, customer, id).await).await)
}

async fn transact(conn: &mut AsyncPgConnection, customer: CustomerId, id: BatchId) -> Result<Accepted, RetryError> {
    let old = batch::get(conn, customer, id).await?.ok_or(RetryError::Unknown)?;
    // One retry of a batch at a time. Nothing else takes this lock, so it cannot close a circle.
    sql_query("SELECT pg_advisory_xact_lock($1)").bind::<BigInt, _>(id.0).prepared().execute(conn).await?;
    let failed = item::failed(conn, customer, id).await?;
    if failed.is_empty() {
        let any = item::any_failed(conn, customer, id).await?;
        return Err(if any { RetryError::NothingLeft } else { RetryError::NothingFailed });
    }
    let new = NewBatch {
        customer,
        lane: old.lane,
        label: old.label,
        immediate: false,
        only_new: false,
        members: failed.into_iter().map(|(space, image)| NewImage::named(space, image)).collect(),
        idempotency: None,
    };
    Ok(accept::transact(conn, &new, None).await?)
}
