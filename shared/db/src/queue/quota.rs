//! Quotas, in the transactions that use storage.
//!
//! The number of images is exact. The check is the last step of accepting, after everything that is slow, and of one
//! customer at a time: the lock is held for a read and the commit, and only by customers with such a quota whose
//! request makes new images. It counts registered images, for each may come to be stored; one that failed gives its
//! place back when it is deleted.
//!
//! The size is known only when a derivative is made. It is checked without a lock, when new images are accepted and
//! when one is completed, so that what completes at the same moment in other workers may go over it: by one image for
//! each worker's slot at most. A lock would have to be held while the descriptor is written, image after image.

use diesel::sql_query;
use diesel::sql_types::Integer;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::CustomerId;

use crate::DbError;
use crate::sql::Prepare;
use crate::storage_policy::{self, StoragePolicy};
use crate::usage::{self, Usage};

/// The first half of the locks' names.
const LOCKS: i32 = 0x444C_4351;

/// A quota that would be broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OverQuota {
    /// More images than there may be.
    #[error("the customer may have {limit} images; with these it would have {images}")]
    Images {
        /// How many there may be.
        limit: i64,
        /// How many there would be.
        images: i64,
    },
    /// More bytes than there may be.
    #[error("the customer may store {limit} bytes of images and stores {size}")]
    Size {
        /// How many there may be.
        limit: i64,
        /// How many there are.
        size: i64,
    },
}

/// Whether the images that this transaction has made, and counted, are within the customer's quota.
pub(super) async fn check(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
) -> Result<Result<(), OverQuota>, DbError> {
    let Some(StoragePolicy { max_images, max_size }) = storage_policy::get(conn, customer).await? else {
        return Ok(Ok(()));
    };
    if max_images.is_some() {
        let lock = sql_query("SELECT pg_advisory_xact_lock($1, $2)");
        lock.bind::<Integer, _>(LOCKS).bind::<Integer, _>(customer.0).prepared().execute(conn).await?;
    } else if max_size.is_none() {
        return Ok(Ok(()));
    }
    // A statement of its own, so that it sees what was committed before the lock was given.
    Ok(within(max_images, max_size, usage::of_customer(conn, customer).await?))
}

/// Whether the customer may have one more image, as things stand: to be asked before much work is done for it.
///
/// # Errors
/// If the database fails.
pub async fn has_room(conn: &mut AsyncPgConnection, customer: CustomerId) -> Result<Result<(), OverQuota>, DbError> {
    let Some(StoragePolicy { max_images, max_size }) = storage_policy::get(conn, customer).await? else {
        return Ok(Ok(()));
    };
    if max_images.is_none() && max_size.is_none() {
        return Ok(Ok(()));
    }
    let now = usage::of_customer(conn, customer).await?;
    Ok(within(max_images, max_size, Usage { images: now.images + 1, ..now }))
}

fn within(max_images: Option<i64>, max_size: Option<i64>, now: Usage) -> Result<(), OverQuota> {
    match (max_images, max_size) {
        (Some(limit), _) if now.images > limit => Err(OverQuota::Images { limit, images: now.images }),
        (_, Some(limit)) if now.size >= limit => Err(OverQuota::Size { limit, size: now.size }),
        _ => Ok(()),
    }
}

/// Whether the customer may store `more` bytes than it does now.
pub(super) async fn check_size(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    limit: Option<i64>,
    more: i64,
) -> Result<Result<(), OverQuota>, DbError> {
    let Some(limit) = limit.filter(|_| more > 0) else { return Ok(Ok(())) };
    let size = usage::of_customer(conn, customer).await?.size;
    Ok(if size + more > limit { Err(OverQuota::Size { limit, size }) } else { Ok(()) })
}
