//! Which of the bytes in staging nobody needs any more.

use std::collections::HashSet;

use diesel::sql_types::{Array, BigInt, Integer, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::BatchId;
use uuid::Uuid;

use crate::DbError;
use crate::sql::Prepare;

/// Bytes in the object store that wait to be processed, or did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedAt {
    /// Their key.
    pub key: String,
    /// The item and the attempt that fetched them; none if they were sent.
    pub place: Option<(BatchId, i32, Uuid)>,
}

#[derive(QueryableByName)]
struct Key {
    #[diesel(sql_type = Text)]
    key: String,
}

/// Fetched bytes are needed as long as their attempt has its lease, for it may still name them, or an open item does.
const FETCHED: &str = "\
    SELECT key FROM unnest($1::text[], $2::bigint[], $3::integer[], $4::uuid[]) AS o (key, batch, ordinal, token) \
    WHERE NOT EXISTS (SELECT 1 FROM lease l WHERE l.batch = o.batch AND l.ordinal = o.ordinal AND l.token = o.token) \
    AND NOT EXISTS (SELECT 1 FROM item i WHERE i.batch = o.batch AND i.ordinal = o.ordinal AND i.staging = o.key \
        AND i.state IN ('ready', 'queued', 'running'))";

/// Sent bytes are named when their registration is accepted, soon after they were stored or never.
const SENT: &str = "\
    SELECT key FROM unnest($1::text[]) AS o (key) \
    WHERE NOT EXISTS (SELECT 1 FROM item i WHERE i.staging = o.key AND i.staging LIKE 'uploads/%' \
        AND i.state IN ('ready', 'queued', 'running'))";

/// Those keys that no open item names and no attempt at work will name. The objects must have been listed before, and
/// be older than any request takes from storing its bytes to its commit.
///
/// # Errors
/// If the database fails.
pub async fn orphans(conn: &mut AsyncPgConnection, objects: &[StagedAt]) -> Result<HashSet<String>, DbError> {
    let (mut keys, mut batches, mut ordinals, mut tokens) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut sent = Vec::new();
    for StagedAt { key, place } in objects {
        let Some((batch, ordinal, token)) = place else {
            sent.push(key.as_str());
            continue;
        };
        keys.push(key.as_str());
        batches.push(batch.0);
        ordinals.push(*ordinal);
        tokens.push(*token);
    }
    let fetched = sql_query(FETCHED).bind::<Array<Text>, _>(keys).bind::<Array<BigInt>, _>(batches);
    let fetched = fetched.bind::<Array<Integer>, _>(ordinals).bind::<Array<SqlUuid>, _>(tokens);
    let mut orphans: Vec<Key> = fetched.prepared().get_results(conn).await?;
    orphans.extend(sql_query(SENT).bind::<Array<Text>, _>(sent).prepared().get_results::<Key>(conn).await?);
    Ok(orphans.into_iter().map(|row| row.key).collect())
}
