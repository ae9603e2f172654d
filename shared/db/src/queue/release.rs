//! Giving an item back unfinished, when a worker is told to stop.

use diesel::sql_query;
use diesel::sql_types::{BigInt, Integer};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};

use super::discarded::give_up;
use super::{Claim, turn};
use crate::DbError;
use crate::sql::Prepare;

/// Gives the item back, to be taken up again at once and at no cost. `false` if it was no longer the caller's.
///
/// # Errors
/// If the database fails; the lease will then run out.
pub async fn release(conn: &mut AsyncPgConnection, claim: &Claim) -> Result<bool, DbError> {
    let sql = "UPDATE item SET state = 'ready', next_at = now() \
               WHERE batch = $1 AND ordinal = $2 AND state = 'running'";
    conn.transaction(async |conn| {
        if !give_up(conn, claim).await? {
            return Ok(false);
        }
        let query = sql_query(sql).bind::<BigInt, _>(claim.batch.0).bind::<Integer, _>(claim.ordinal).prepared();
        let freed = query.execute(conn).await? > 0;
        if freed {
            turn::announce(conn, claim.image.customer, claim.stage, claim.lane, None).await?;
        }
        Ok(freed)
    })
    .await
}
