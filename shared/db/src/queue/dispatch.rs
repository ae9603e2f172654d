//! Releasing items to the broker: fair across customers, and only as many as the workers will soon take up.
//!
//! Fairness is a round robin by virtual time: every item handed out moves its customer's clock on by one, and the
//! customers furthest behind come next. Nobody starts behind the lane's own clock, so having been idle is no credit.

use diesel::sql_types::{Array, BigInt, Double, Integer, Nullable, Text};
use diesel::{OptionalExtension, QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_messages::Hint;
use dlcs_model::{BatchId, Lane, Stage};

use super::DISPATCH_SECONDS;
use crate::DbError;
use crate::sql::Prepare;

/// A hint to publish, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dispatched {
    /// Through which lane.
    pub lane: Lane,
    /// What to publish.
    pub hint: Hint,
}

/// How much may be on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DispatchLimits {
    /// Hints of one stage and lane that are in the broker at most; twice the workers' slots is plenty.
    pub depth: u32,
    /// Fetches pause while more items than this wait to be processed, so that staging stays small.
    pub process_backlog: u32,
}

impl Default for DispatchLimits {
    fn default() -> Self {
        Self { depth: 64, process_backlog: 1_000 }
    }
}

/// Customers served in one transaction.
const CUSTOMERS: i64 = 16;

/// Hands out what is ready in a stage, in each lane. Publish the hints; should that fail, the items come back after a
/// while, or at once by [`undispatch`]. Any number of processes may call this; of two at once, one returns nothing.
///
/// # Errors
/// If the database fails; nothing was handed out then in the lane at hand.
pub async fn dispatch(
    conn: &mut AsyncPgConnection,
    stage: Stage,
    limits: &DispatchLimits,
) -> Result<Vec<Dispatched>, DbError> {
    let mut all = Vec::new();
    for lane in [Lane::Priority, Lane::Normal] {
        let hints = conn.transaction(async |conn| dispatch_lane(conn, stage, lane, limits).await);
        all.extend(hints.await?);
    }
    Ok(all)
}

async fn dispatch_lane(
    conn: &mut AsyncPgConnection,
    stage: Stage,
    lane: Lane,
    limits: &DispatchLimits,
) -> Result<Vec<Dispatched>, DbError> {
    let Some(clock) = take_clock(conn, stage, lane).await? else { return Ok(Vec::new()) };
    let room = room(conn, stage, lane, limits).await?;
    if room == 0 {
        return Ok(Vec::new());
    }
    let picks = pick(conn, stage, lane, clock, room).await?;
    if picks.is_empty() {
        return Ok(Vec::new());
    }
    turn_clocks(conn, stage, lane, &picks).await?;
    Ok(picks.iter().filter_map(|pick| pick.hint(stage, lane)).collect())
}

#[derive(QueryableByName)]
struct Clock {
    #[diesel(sql_type = Double)]
    vtime: f64,
}

/// Takes the right to dispatch in a lane until the end of the transaction, if nobody else has it. A dispatcher that
/// hangs is ended by Postgres after a few seconds.
async fn take_clock(conn: &mut AsyncPgConnection, stage: Stage, lane: Lane) -> QueryResult<Option<f64>> {
    let sql = "SELECT vtime, set_config('idle_in_transaction_session_timeout', '5s', true) FROM lane_clock \
               WHERE stage = $1 AND lane = $2 FOR UPDATE SKIP LOCKED";
    let query = sql_query(sql).bind::<Text, _>(stage.as_str()).bind::<Text, _>(lane.as_str());
    let clock: Option<Clock> = query.prepared().get_result(conn).await.optional()?;
    Ok(clock.map(|clock| clock.vtime))
}

#[derive(QueryableByName)]
struct Room {
    #[diesel(sql_type = BigInt)]
    outstanding: i64,
    #[diesel(sql_type = BigInt)]
    unprocessed: i64,
}

/// How many items may go out now.
async fn room(conn: &mut AsyncPgConnection, stage: Stage, lane: Lane, limits: &DispatchLimits) -> QueryResult<i64> {
    let sql = "SELECT count(*) FILTER (WHERE d.stage = $1 AND d.lane = $2) AS outstanding, \
                   count(*) FILTER (WHERE d.stage = 'process') \
                   + (SELECT count(*) FROM (SELECT 1 FROM item WHERE stage = 'process' AND state = 'ready' LIMIT $3) w) \
                   AS unprocessed \
               FROM dispatch d";
    let backlog = i64::from(limits.process_backlog);
    let query = sql_query(sql).bind::<Text, _>(stage.as_str()).bind::<Text, _>(lane.as_str());
    let room: Room = query.bind::<BigInt, _>(backlog + 1).prepared().get_result(conn).await?;
    let paused = match stage {
        Stage::Fetch => room.unprocessed > backlog,
        Stage::Process => false,
    };
    Ok(if paused { 0 } else { (i64::from(limits.depth) - room.outstanding).max(0) })
}

/// A customer that has its turn, with one item handed out to it, or none.
#[derive(QueryableByName)]
struct Pick {
    #[diesel(sql_type = Integer)]
    customer: i32,
    #[diesel(sql_type = Double)]
    start: f64,
    #[diesel(sql_type = Nullable<BigInt>)]
    batch: Option<i64>,
    #[diesel(sql_type = Nullable<Integer>)]
    ordinal: Option<i32>,
    #[diesel(sql_type = Nullable<BigInt>)]
    generation: Option<i64>,
}

impl Pick {
    fn hint(&self, stage: Stage, lane: Lane) -> Option<Dispatched> {
        let hint = Hint { batch: BatchId(self.batch?), ordinal: self.ordinal?, generation: self.generation?, stage };
        Some(Dispatched { lane, hint })
    }
}

/// Marks up to `room` items as handed out: those of the customers furthest behind, to each the same number.
async fn pick(conn: &mut AsyncPgConnection, stage: Stage, lane: Lane, clock: f64, room: i64) -> QueryResult<Vec<Pick>> {
    const SQL: &str = "\
        WITH chosen AS ( \
            SELECT t.customer, greatest(t.vtime, $3) AS start FROM turn t \
            WHERE t.stage = $1 AND t.lane = $2 AND t.due <= now() \
            ORDER BY start, t.customer LIMIT least($4, $5) FOR UPDATE OF t SKIP LOCKED), \
        picked AS ( \
            SELECT c.customer, i.batch, i.ordinal FROM chosen c CROSS JOIN LATERAL ( \
                SELECT batch, ordinal FROM item \
                WHERE stage = $1 AND lane = $2 AND customer = c.customer AND state = 'ready' AND next_at <= now() \
                ORDER BY next_at, batch, ordinal LIMIT (SELECT $4 / greatest(count(*), 1) FROM chosen) \
                FOR UPDATE SKIP LOCKED) i), \
        queued AS ( \
            UPDATE item i SET state = 'queued' FROM picked p \
            WHERE i.batch = p.batch AND i.ordinal = p.ordinal AND i.state = 'ready' \
            RETURNING i.customer, i.batch, i.ordinal, i.generation), \
        noted AS ( \
            INSERT INTO dispatch AS d (batch, ordinal, stage, lane, until) \
            SELECT batch, ordinal, $1, $2, now() + make_interval(secs => $6) FROM queued \
            ON CONFLICT (batch, ordinal) DO UPDATE \
            SET stage = excluded.stage, lane = excluded.lane, until = excluded.until) \
        SELECT c.customer, c.start, q.batch, q.ordinal, q.generation \
        FROM chosen c LEFT JOIN queued q USING (customer) ORDER BY c.start, c.customer, q.batch, q.ordinal";
    sql_query(SQL)
        .bind::<Text, _>(stage.as_str())
        .bind::<Text, _>(lane.as_str())
        .bind::<Double, _>(clock)
        .bind::<BigInt, _>(room)
        .bind::<BigInt, _>(CUSTOMERS)
        .bind::<Double, _>(f64::from(DISPATCH_SECONDS))
        .prepared()
        .get_results(conn)
        .await
}

/// Charges the customers for what they got and looks up when each is due again. It looks without skipping locked
/// rows, so that an item someone else is busy with does not hide its customer.
async fn turn_clocks(conn: &mut AsyncPgConnection, stage: Stage, lane: Lane, picks: &[Pick]) -> QueryResult<()> {
    const SQL: &str = "\
        WITH served AS ( \
            UPDATE turn t SET vtime = s.vtime, due = ( \
                SELECT min(next_at) FROM item \
                WHERE stage = $1 AND lane = $2 AND customer = t.customer AND state = 'ready') \
            FROM unnest($3::integer[], $4::double precision[]) AS s (customer, vtime) \
            WHERE t.stage = $1 AND t.lane = $2 AND t.customer = s.customer) \
        UPDATE lane_clock SET vtime = greatest(vtime, $5) WHERE stage = $1 AND lane = $2";
    let mut customers: Vec<i32> = Vec::new();
    let mut vtimes: Vec<f64> = Vec::new();
    for pick in picks {
        if customers.last() != Some(&pick.customer) {
            customers.push(pick.customer);
            vtimes.push(pick.start);
        }
        if let (Some(vtime), Some(_)) = (vtimes.last_mut(), pick.batch) {
            *vtime += 1.0;
        }
    }
    sql_query(SQL)
        .bind::<Text, _>(stage.as_str())
        .bind::<Text, _>(lane.as_str())
        .bind::<Array<Integer>, _>(customers)
        .bind::<Array<Double>, _>(vtimes)
        .bind::<Double, _>(picks.first().map_or(0.0, |pick| pick.start))
        .prepared()
        .execute(conn)
        .await?;
    Ok(())
}

/// Takes hints back that could not be published; their items may go out again after `delay_seconds`.
///
/// # Errors
/// If the database fails; the items come back by themselves later.
pub async fn undispatch(conn: &mut AsyncPgConnection, hints: &[Dispatched], delay_seconds: u32) -> Result<(), DbError> {
    const SQL: &str = "\
        WITH back AS ( \
            SELECT i.batch, i.ordinal FROM item i JOIN dispatch d USING (batch, ordinal) \
            JOIN unnest($1::bigint[], $2::integer[]) AS p (batch, ordinal) USING (batch, ordinal) \
            ORDER BY i.batch, i.ordinal FOR UPDATE OF i SKIP LOCKED), \
        hints AS (DELETE FROM dispatch d USING back b WHERE d.batch = b.batch AND d.ordinal = b.ordinal), \
        freed AS ( \
            UPDATE item i SET state = 'ready', next_at = now() + make_interval(secs => $3) FROM back b \
            WHERE i.batch = b.batch AND i.ordinal = b.ordinal AND i.state = 'queued' \
            RETURNING i.customer, i.stage, i.lane, i.next_at) \
        INSERT INTO turn (customer, stage, lane, due) \
        SELECT customer, stage, lane, min(next_at) FROM freed GROUP BY 1, 2, 3 ORDER BY 2, 3, 1 \
        ON CONFLICT (stage, lane, customer) DO UPDATE SET due = least(turn.due, excluded.due)";
    sql_query(SQL)
        .bind::<Array<BigInt>, _>(hints.iter().map(|h| h.hint.batch.0).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(hints.iter().map(|h| h.hint.ordinal).collect::<Vec<_>>())
        .bind::<Double, _>(f64::from(delay_seconds))
        .prepared()
        .execute(conn)
        .await?;
    Ok(())
}
