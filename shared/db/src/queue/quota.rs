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

use diesel::sql_types::{BigInt, Integer, Nullable};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::CustomerId;

use crate::sql::Prepare;
use crate::{DbError, usage};

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

#[derive(QueryableByName)]
struct Limits {
    #[diesel(sql_type = Nullable<BigInt>)]
    max_images: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    max_size: Option<i64>,
}

/// Whether the images that this transaction has made, and counted, are within the customer's quota.
pub(super) async fn check(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
) -> Result<Result<(), OverQuota>, DbError> {
    let sql = "SELECT max_images, max_size FROM customer WHERE id = $1";
    let limits: Option<Limits> =
        sql_query(sql).bind::<Integer, _>(customer.0).prepared().get_result(conn).await.optional()?;
    let Some(Limits { max_images, max_size }) = limits else { return Ok(Ok(())) };
    if max_images.is_some() {
        let lock = sql_query("SELECT pg_advisory_xact_lock($1, $2)");
        lock.bind::<Integer, _>(LOCKS).bind::<Integer, _>(customer.0).prepared().execute(conn).await?;
    } else if max_size.is_none() {
        return Ok(Ok(()));
    }
    // A statement of its own, so that it sees what was committed before the lock was given.
    let now = usage::of_customer(conn, customer).await?;
    Ok(match (max_images, max_size) {
        (Some(limit), _) if now.images > limit => Err(OverQuota::Images { limit, images: now.images }),
        (_, Some(limit)) if now.size >= limit => Err(OverQuota::Size { limit, size: now.size }),
        _ => Ok(()),
    })
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
