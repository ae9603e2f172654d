//! Folding deltas into counters. Only here are the counters of a batch written, so that ending an item never waits
//! for another; reading progress is one row. What a fold changed is kept as a [`crate::step`], so that progress can be
//! followed without asking for it.

use diesel::sql_types::{Array, BigInt, Bool, Double, Integer};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_messages::Event;
use dlcs_model::BatchId;

use crate::sql::{Number, Prepare};
use crate::{DbError, batch, outbox};

/// What a round did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rolled {
    /// Batches whose counters moved.
    pub batches: Vec<BatchId>,
    /// Those of them that are finished now.
    pub finished: Vec<BatchId>,
    /// Whether more deltas may be waiting: call again at once.
    pub more: bool,
}

/// Deltas folded in one transaction.
const LIMIT: i64 = 5000;

const LOCK: &str = "\
    SELECT id AS n FROM batch \
    WHERE id IN (SELECT batch FROM (SELECT batch FROM batch_delta ORDER BY id LIMIT $1) d) \
    ORDER BY id FOR NO KEY UPDATE SKIP LOCKED";

/// What only says that images have a newer registration moves the batch's counter but is no step of it.
const FOLD: &str = "\
    WITH taken AS ( \
        DELETE FROM batch_delta WHERE id IN ( \
            SELECT id FROM batch_delta WHERE batch = ANY($1) ORDER BY id LIMIT $2) \
        RETURNING *), \
    sums AS ( \
        SELECT batch, sum(completed)::integer AS completed, sum(errors)::integer AS errors, \
            sum(gone)::integer AS gone, sum(worked)::integer AS worked, min(started) AS started, \
            bool_or(gone = 0) AS moved, clock_timestamp() AS now FROM taken GROUP BY batch), \
    ended AS ( \
        SELECT batch, array_agg(ordinal ORDER BY id, n) AS ordinals \
        FROM taken, unnest(ordinals) WITH ORDINALITY AS o (ordinal, n) GROUP BY batch), \
    folded AS ( \
        UPDATE batch b SET completed = b.completed + s.completed, errors = b.errors + s.errors, \
            gone = b.gone + s.gone, worked = b.worked + s.worked, started = least(b.started, s.started), \
            pace = s.worked + b.pace * coalesce(exp(-least(extract(epoch FROM s.now - b.paced) / $3, 100)), 0), \
            paced = s.now, \
            finished = CASE WHEN b.completed + b.errors + s.completed + s.errors = b.count \
                THEN coalesce(b.finished, s.now) END \
        FROM sums s WHERE b.id = s.batch \
        RETURNING b.*, s.moved, s.completed + s.errors > 0 AS progressed), \
    moves AS ( \
        SELECT *, row_number() OVER (PARTITION BY customer ORDER BY id) AS n, \
            count(*) OVER (PARTITION BY customer) AS total \
        FROM folded WHERE moved AND NOT immediate), \
    clocks AS ( \
        INSERT INTO step_clock AS c (customer, number) SELECT DISTINCT customer, total FROM moves ORDER BY customer \
        ON CONFLICT (customer) DO UPDATE SET number = c.number + excluded.number RETURNING customer, number), \
    steps AS ( \
        INSERT INTO step (customer, number, batch, ordinals, completed, errors, gone, worked, pace, started, \
            finished, cancelled) \
        SELECT m.customer, c.number - m.total + m.n, m.id, coalesce(e.ordinals, '{}'), m.completed, m.errors, m.gone, \
            m.worked, m.pace, m.started, m.finished, m.cancelled \
        FROM moves m JOIN clocks c USING (customer) LEFT JOIN ended e ON e.batch = m.id) \
    SELECT id, finished IS NOT NULL AND progressed AS now_finished, (SELECT count(*) FROM taken) AS taken FROM folded";

#[derive(QueryableByName)]
struct Folded {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Bool)]
    now_finished: bool,
    /// How many deltas the whole statement folded.
    #[diesel(sql_type = BigInt)]
    taken: i64,
}

/// Folds what waits. Call several times a second; any number of processes may.
///
/// # Errors
/// If the database fails; nothing was folded then.
pub async fn roll(conn: &mut AsyncPgConnection) -> Result<Rolled, DbError> {
    let rolled = conn.transaction(async |conn| roll_batches(conn).await).await?;
    conn.transaction(async |conn| roll_spaces(conn).await).await?;
    Ok(rolled)
}

async fn roll_batches(conn: &mut AsyncPgConnection) -> Result<Rolled, DbError> {
    let locked: Vec<Number> = sql_query(LOCK).bind::<BigInt, _>(LIMIT).prepared().get_results(conn).await?;
    if locked.is_empty() {
        return Ok(Rolled::default());
    }
    // A second statement, so that it sees everything that was committed before the rows were locked.
    let ids: Vec<i64> = locked.iter().map(|batch| batch.n).collect();
    let fold = sql_query(FOLD).bind::<Array<BigInt>, _>(&ids).bind::<BigInt, _>(LIMIT).bind::<Double, _>(batch::RECENT);
    let folded: Vec<Folded> = fold.prepared().get_results(conn).await?;
    let finished: Vec<BatchId> = folded.iter().filter(|row| row.now_finished).map(|row| BatchId(row.id)).collect();
    for batch in &finished {
        outbox::put(conn, &format!("batch-finished/{batch}"), &Event::BatchFinished { batch: *batch }).await?;
    }
    let more = folded.iter().any(|row| row.taken == LIMIT);
    Ok(Rolled { batches: folded.iter().map(|row| BatchId(row.id)).collect(), finished, more })
}

/// The sums of the spaces; they are read together with their deltas, so this only keeps the deltas few.
async fn roll_spaces(conn: &mut AsyncPgConnection) -> Result<(), DbError> {
    const LOCK: &str = "\
        SELECT s.customer, s.id AS space FROM space s \
        WHERE (s.customer, s.id) IN ( \
            SELECT customer, space FROM (SELECT customer, space FROM usage_delta ORDER BY id LIMIT $1) d) \
        ORDER BY s.customer, s.id FOR NO KEY UPDATE SKIP LOCKED";
    const FOLD: &str = "\
        WITH taken AS ( \
            DELETE FROM usage_delta WHERE id IN ( \
                SELECT d.id FROM usage_delta d \
                JOIN unnest($1::integer[], $2::integer[]) AS p (customer, space) USING (customer, space) \
                ORDER BY d.id LIMIT $3) \
            RETURNING *), \
        sums AS ( \
            SELECT customer, space, sum(images)::bigint AS images, sum(stored)::bigint AS stored, \
                sum(size)::bigint AS size, sum(thumbnail_size)::bigint AS thumbnail_size \
            FROM taken GROUP BY customer, space) \
        UPDATE space s SET images = s.images + u.images, stored = s.stored + u.stored, size = s.size + u.size, \
            thumbnail_size = s.thumbnail_size + u.thumbnail_size \
        FROM sums u WHERE s.customer = u.customer AND s.id = u.space";
    #[derive(QueryableByName)]
    struct Space {
        #[diesel(sql_type = Integer)]
        customer: i32,
        #[diesel(sql_type = Integer)]
        space: i32,
    }
    let locked: Vec<Space> = sql_query(LOCK).bind::<BigInt, _>(LIMIT).prepared().get_results(conn).await?;
    let (customers, spaces): (Vec<_>, Vec<_>) = locked.iter().map(|row| (row.customer, row.space)).unzip();
    if !customers.is_empty() {
        sql_query(FOLD)
            .bind::<Array<Integer>, _>(customers)
            .bind::<Array<Integer>, _>(spaces)
            .bind::<BigInt, _>(LIMIT)
            .prepared()
            .execute(conn)
            .await?;
    }
    Ok(())
}
