//! Cancelling a batch: everything in it that is still open ends.

use diesel::sql_types::{Array, BigInt, Bool, Integer};
use diesel::{QueryResult, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_model::{BatchId, CustomerId, FailureCode};

use super::close::{Places, close};
use super::untie;
use crate::DbError;
use crate::sql::{Place, Prepare};

/// Ends all open items of a customer's batch as cancelled; workers notice at their next heartbeat. Returns how many,
/// or `None` if there is no such batch. One in which nothing was open stays as it is.
///
/// # Errors
/// If the database fails.
pub async fn cancel_batch(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    batch: BatchId,
) -> Result<Option<usize>, DbError> {
    untie!(conn.transaction(async |conn| transact(conn, customer, batch).await).await)
}

async fn transact(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    batch: BatchId,
) -> Result<Option<usize>, DbError> {
    let open = lock_images(conn, customer, batch).await?;
    let closed = close(conn, &open, FailureCode::Cancelled, "the batch was cancelled").await?;
    end_images(conn, &closed).await?;
    let sql = "UPDATE batch SET cancelled = coalesce(cancelled, CASE WHEN $3 THEN now() END) \
               WHERE id = $1 AND customer = $2 AND NOT immediate";
    let query = sql_query(sql).bind::<BigInt, _>(batch.0).bind::<Integer, _>(customer.0);
    let found = query.bind::<Bool, _>(!closed.is_empty()).prepared().execute(conn).await? > 0;
    Ok(found.then_some(closed.len()))
}

/// Locks the images of the open items, in the order of their keys.
async fn lock_images(conn: &mut AsyncPgConnection, customer: CustomerId, batch: BatchId) -> QueryResult<Places> {
    let sql = "SELECT i.batch, i.ordinal FROM item i \
               JOIN image m ON m.customer = i.customer AND m.space = i.space AND m.id = i.image \
               WHERE i.batch = $1 AND i.customer = $2 AND NOT i.immediate \
                   AND i.state IN ('ready', 'queued', 'running') \
               ORDER BY m.space, m.id FOR UPDATE OF m";
    let query = sql_query(sql).bind::<BigInt, _>(batch.0).bind::<Integer, _>(customer.0);
    let open: Vec<Place> = query.prepared().get_results(conn).await?;
    let mut places = Places::default();
    open.iter().for_each(|place| places.push(place.batch, place.ordinal));
    Ok(places)
}

/// Says on the images what happened to their newest registration.
async fn end_images(conn: &mut AsyncPgConnection, closed: &[Place]) -> QueryResult<()> {
    let sql = "UPDATE image m SET dequeued = i.dequeued, finished = i.finished, attempts = i.attempts, \
                   error_code = i.error_code, error = i.error \
               FROM unnest($1::bigint[], $2::integer[]) AS p (batch, ordinal) JOIN item i USING (batch, ordinal) \
               WHERE m.customer = i.customer AND m.space = i.space AND m.id = i.image \
                   AND m.generation = i.generation AND m.deleted_at IS NULL";
    sql_query(sql)
        .bind::<Array<BigInt>, _>(closed.iter().map(|place| place.batch).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(closed.iter().map(|place| place.ordinal).collect::<Vec<_>>())
        .prepared()
        .execute(conn)
        .await?;
    Ok(())
}
