//! How much a customer may store; columns of the customer's row.

use diesel::sql_types::{BigInt, Integer, Nullable};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_model::CustomerId;

use crate::sql::Prepare;
use crate::{Condition, DbError};

/// A customer's quotas; `None` is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, QueryableByName)]
pub struct StoragePolicy {
    /// Images.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub max_images: Option<i64>,
    /// Bytes of derivatives.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub max_size: Option<i64>,
}

/// A customer's quotas; `None` if there is no such customer.
///
/// # Errors
/// If the database fails.
pub async fn get(conn: &mut AsyncPgConnection, customer: CustomerId) -> Result<Option<StoragePolicy>, DbError> {
    let query = sql_query("SELECT max_images, max_size FROM customer WHERE id = $1").bind::<Integer, _>(customer.0);
    Ok(query.prepared().get_result(conn).await.optional()?)
}

/// Changes a customer's quotas, if `condition` holds of them as they were; what they are then. `None` if it does not, or
/// there is no such customer. What is stored already stays, also if it is more.
///
/// # Errors
/// If the database fails.
pub async fn update(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    change: impl FnOnce(StoragePolicy) -> StoragePolicy + Send,
    condition: Condition<'_, StoragePolicy>,
) -> Result<Option<StoragePolicy>, DbError> {
    const HOLD: &str = "SELECT max_images, max_size FROM customer WHERE id = $1 FOR NO KEY UPDATE";
    const SET: &str = "UPDATE customer SET max_images = $2, max_size = $3 WHERE id = $1";
    conn.transaction(async move |conn| {
        let held = sql_query(HOLD).bind::<Integer, _>(customer.0).prepared().get_result(conn).await.optional()?;
        let Some(before) = held.filter(|row| condition(Some(row))) else { return Ok(None) };
        let after = change(before);
        let set = sql_query(SET).bind::<Integer, _>(customer.0).bind::<Nullable<BigInt>, _>(after.max_images);
        set.bind::<Nullable<BigInt>, _>(after.max_size).prepared().execute(conn).await?;
        Ok(Some(after))
    })
    .await
}
