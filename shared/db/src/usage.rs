//! What images take up: maintained sums, read together with what still waits to be folded into them.

use diesel::sql_types::{BigInt, Integer};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::CustomerId;

use crate::DbError;
use crate::sql::Prepare;

/// Sums over images.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, QueryableByName)]
pub struct Usage {
    /// How many there are.
    #[diesel(sql_type = BigInt)]
    pub images: i64,
    /// How many of them are being served.
    #[diesel(sql_type = BigInt)]
    pub stored: i64,
    /// Bytes of their derivatives.
    #[diesel(sql_type = BigInt)]
    pub size: i64,
    /// Bytes of their thumbnails.
    #[diesel(sql_type = BigInt)]
    pub thumbnail_size: i64,
}

/// A customer's, exactly.
///
/// # Errors
/// If the database fails.
pub async fn of_customer(conn: &mut AsyncPgConnection, customer: CustomerId) -> Result<Usage, DbError> {
    const SQL: &str = "\
        SELECT coalesce(sum(images), 0)::bigint AS images, coalesce(sum(stored), 0)::bigint AS stored, \
            coalesce(sum(size), 0)::bigint AS size, coalesce(sum(thumbnail_size), 0)::bigint AS thumbnail_size \
        FROM (SELECT images, stored, size, thumbnail_size FROM space WHERE customer = $1 \
              UNION ALL SELECT images, stored, size, thumbnail_size FROM usage_delta WHERE customer = $1) u";
    Ok(sql_query(SQL).bind::<Integer, _>(customer.0).prepared().get_result(conn).await?)
}
