//! From fetching to processing.

use diesel::sql_types::{BigInt, Binary, Double, Integer, Nullable, Text};
use diesel::{QueryResult, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_messages::Hint;
use dlcs_model::Stage;

use super::{Claim, DISPATCH_SECONDS, Dispatched, Staged};
use crate::DbError;
use crate::sql::{Number, Prepare};

const MOVE: &str = "\
    WITH gate AS (DELETE FROM lease WHERE batch = $1 AND ordinal = $2 AND token = $3 RETURNING batch, ordinal), \
    moved AS ( \
        UPDATE item i SET stage = 'process', state = 'queued', next_at = now(), troubles = 0, \
            staging = $4, staged_size = $5, staged_sha256 = $6, staged_media_type = $7 \
        FROM gate g WHERE i.batch = g.batch AND i.ordinal = g.ordinal AND i.state = 'running' AND i.stage = 'fetch' \
        RETURNING i.batch, i.ordinal, i.lane), \
    noted AS ( \
        INSERT INTO dispatch (batch, ordinal, stage, lane, until) \
        SELECT batch, ordinal, 'process', lane, now() + make_interval(secs => $8) FROM moved \
        ON CONFLICT (batch, ordinal) DO UPDATE SET stage = excluded.stage, until = excluded.until) \
    SELECT count(*) AS n FROM moved";

/// Ends the fetch of an item whose bytes are in staging, and gives the hint for processing them, to be published at
/// once. May be called again when it is not known whether the first call came through. `None` means that the item is
/// no longer the caller's: the staged bytes can go.
///
/// # Errors
/// If the database fails.
pub async fn fetched(
    conn: &mut AsyncPgConnection,
    claim: &Claim,
    staged: &Staged,
) -> Result<Option<Dispatched>, DbError> {
    let Staged { key, bytes, sha256, media_type } = staged;
    let moved: Number = sql_query(MOVE)
        .bind::<BigInt, _>(claim.batch.0)
        .bind::<Integer, _>(claim.ordinal)
        .bind::<diesel::sql_types::Uuid, _>(claim.token)
        .bind::<Text, _>(key)
        .bind::<BigInt, _>(i64::try_from(*bytes).unwrap_or(i64::MAX))
        .bind::<Binary, _>(sha256)
        .bind::<Nullable<Text>, _>(media_type)
        .bind::<Double, _>(f64::from(DISPATCH_SECONDS))
        .prepared()
        .get_result(conn)
        .await?;
    if moved.n == 0 && !moved_before(conn, claim, key).await? {
        return Ok(None);
    }
    let Claim { batch, ordinal, generation, lane, .. } = *claim;
    Ok(Some(Dispatched { lane, hint: Hint { batch, ordinal, generation, stage: Stage::Process } }))
}

/// Whether these very bytes are the item's already: the answer to an earlier call was lost.
async fn moved_before(conn: &mut AsyncPgConnection, claim: &Claim, key: &str) -> QueryResult<bool> {
    let sql = "SELECT count(*) AS n FROM item WHERE batch = $1 AND ordinal = $2 AND staging = $3 \
               AND stage = 'process' AND state IN ('ready', 'queued', 'running')";
    let query = sql_query(sql).bind::<BigInt, _>(claim.batch.0).bind::<Integer, _>(claim.ordinal);
    let found: Number = query.bind::<Text, _>(key).prepared().get_result(conn).await?;
    Ok(found.n > 0)
}
