//! Keeping a lease: how a worker says that it is still at it.

use diesel::sql_query;
use diesel::sql_types::{BigInt, Double, Integer};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use super::{Claim, LEASE_SECONDS};
use crate::DbError;
use crate::sql::Prepare;

/// Prolongs the lease; call it every quarter of [`LEASE_SECONDS`]. `false` means that the item is no longer the
/// worker's (cancelled, superseded, deleted or taken over): abort the job.
///
/// # Errors
/// If the database fails; the lease runs on until its time is up.
pub async fn heartbeat(conn: &mut AsyncPgConnection, claim: &Claim) -> Result<bool, DbError> {
    let sql = "UPDATE lease l SET until = now() + make_interval(secs => $4) FROM item i \
               WHERE l.batch = $1 AND l.ordinal = $2 AND l.token = $3 \
               AND i.batch = $1 AND i.ordinal = $2 AND i.state = 'running'";
    let rows = sql_query(sql)
        .bind::<BigInt, _>(claim.batch.0)
        .bind::<Integer, _>(claim.ordinal)
        .bind::<diesel::sql_types::Uuid, _>(claim.token)
        .bind::<Double, _>(f64::from(LEASE_SECONDS))
        .prepared()
        .execute(conn)
        .await?;
    Ok(rows > 0)
}
