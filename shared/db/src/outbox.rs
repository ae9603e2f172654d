//! Events to be told after the commit that made them true. Telling one twice is allowed, forgetting one is not.

use diesel::sql_types::{Array, BigInt, Jsonb, Text};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_messages::Event;

use crate::DbError;
use crate::sql::Prepare;

/// An event that waits to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pending {
    /// Its row, for [`done`].
    pub id: i64,
    /// What to tell.
    pub event: Event,
}

/// Notes an event in the caller's transaction; one of the same key that still waits makes it superfluous.
pub(crate) async fn put(conn: &mut AsyncPgConnection, key: &str, event: &Event) -> QueryResult<()> {
    let event = serde_json::to_value(event).map_err(|e| diesel::result::Error::SerializationError(e.into()))?;
    let sql = "INSERT INTO outbox (key, event) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING";
    sql_query(sql).bind::<Text, _>(key).bind::<Jsonb, _>(event).prepared().execute(conn).await?;
    Ok(())
}

/// Notes many events at once.
pub(crate) async fn put_all(conn: &mut AsyncPgConnection, events: &[(String, Event)]) -> QueryResult<()> {
    let keys: Vec<&str> = events.iter().map(|(key, _)| key.as_str()).collect();
    let bodies: Result<Vec<_>, _> = events.iter().map(|(_, event)| serde_json::to_value(event)).collect();
    let bodies = bodies.map_err(|e| diesel::result::Error::SerializationError(e.into()))?;
    let sql =
        "INSERT INTO outbox (key, event) SELECT * FROM unnest($1::text[], $2::jsonb[]) ON CONFLICT (key) DO NOTHING";
    let query = sql_query(sql).bind::<Array<Text>, _>(keys).bind::<Array<Jsonb>, _>(bodies);
    query.prepared().execute(conn).await?;
    Ok(())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Jsonb)]
    event: serde_json::Value,
}

/// Takes up to `limit` events, oldest first. They come again after 30 seconds unless they are [`done`] by then.
///
/// # Errors
/// If the database fails or holds an event that this version cannot read.
pub async fn take(conn: &mut AsyncPgConnection, limit: i64) -> Result<Vec<Pending>, DbError> {
    let sql = "WITH next AS ( \
                   SELECT id FROM outbox WHERE taken_until IS NULL OR taken_until < now() \
                   ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED) \
               UPDATE outbox o SET taken_until = now() + interval '30 seconds' FROM next \
               WHERE o.id = next.id RETURNING o.id, o.event";
    let mut rows: Vec<Row> = sql_query(sql).bind::<BigInt, _>(limit).prepared().get_results(conn).await?;
    rows.sort_by_key(|row| row.id);
    let read = |row: Row| match serde_json::from_value(row.event) {
        Ok(event) => Ok(Pending { id: row.id, event }),
        Err(error) => Err(DbError::Query(diesel::result::Error::DeserializationError(error.into()))),
    };
    rows.into_iter().map(read).collect()
}

/// Forgets events that were told.
///
/// # Errors
/// If the database fails; the events are then told again.
pub async fn done(conn: &mut AsyncPgConnection, ids: &[i64]) -> Result<(), DbError> {
    let sql = "DELETE FROM outbox WHERE id = ANY($1)";
    sql_query(sql).bind::<Array<BigInt>, _>(ids).prepared().execute(conn).await?;
    Ok(())
}
