//! Recovery: what was handed out and not taken up, and what was taken up and not finished, comes back.

use diesel::sql_types::{BigInt, Integer, Text};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_model::{BatchId, Failure, FailureCode, Lane, Stage, limits};
use uuid::Uuid;

use super::complete::lock_image;
use super::discarded::discard_attempts;
use super::{Claim, fail};
use crate::sql::{ImageColumns, Number, Prepare, Word};
use crate::{DbError, step};

/// What a sweep found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Hints that nobody took up; their items go out again.
    pub hints: u64,
    /// Items whose worker was lost; they go out again after a moment.
    pub interrupted: u64,
    /// Items that cost too many workers; they ended in error.
    pub ended: u64,
    /// Idempotency keys older than a day, forgotten.
    pub keys: u64,
}

/// Rows of one kind handled in one transaction.
const LIMIT: i64 = 1000;

const HINTS: &str = "\
    WITH late AS ( \
        SELECT i.batch, i.ordinal FROM dispatch d JOIN item i USING (batch, ordinal) WHERE d.until < now() \
        ORDER BY i.batch, i.ordinal LIMIT $1 FOR UPDATE OF i SKIP LOCKED), \
    hints AS (DELETE FROM dispatch d USING late l WHERE d.batch = l.batch AND d.ordinal = l.ordinal), \
    freed AS ( \
        UPDATE item i SET state = 'ready', next_at = now() FROM late l \
        WHERE i.batch = l.batch AND i.ordinal = l.ordinal AND i.state = 'queued' \
        RETURNING i.customer, i.stage, i.lane, i.next_at), \
    turns AS ( \
        INSERT INTO turn (customer, stage, lane, due) \
        SELECT customer, stage, lane, min(next_at) FROM freed GROUP BY 1, 2, 3 ORDER BY 2, 3, 1 \
        ON CONFLICT (stage, lane, customer) DO UPDATE SET due = least(turn.due, excluded.due)) \
    SELECT count(*) AS n FROM freed";

/// Leases without a running item are what a cancellation left behind; they only go.
const LEASES: &str = concat!(
    "WITH late AS ( \
        SELECT l.batch, l.ordinal FROM lease l JOIN item i USING (batch, ordinal) \
        WHERE l.until < now() AND (i.state <> 'running' OR i.interrupts + 1 < $2) \
        ORDER BY l.batch, l.ordinal LIMIT $1 FOR UPDATE OF l, i SKIP LOCKED), \
    gone AS ( \
        DELETE FROM lease l USING late t WHERE l.batch = t.batch AND l.ordinal = t.ordinal \
        RETURNING l.batch, l.ordinal, l.token), \
    discarded AS (",
    discard_attempts!(),
    "), \
    freed AS ( \
        UPDATE item i SET state = 'ready', interrupts = interrupts + 1, \
            next_at = now() + make_interval(secs => least(60, 2 ^ interrupts) * random()) \
        FROM late t WHERE i.batch = t.batch AND i.ordinal = t.ordinal AND i.state = 'running' \
        RETURNING i.customer, i.stage, i.lane, i.next_at), \
    turns AS ( \
        INSERT INTO turn (customer, stage, lane, due) \
        SELECT customer, stage, lane, min(next_at) FROM freed GROUP BY 1, 2, 3 ORDER BY 2, 3, 1 \
        ON CONFLICT (stage, lane, customer) DO UPDATE SET due = least(turn.due, excluded.due)) \
    SELECT count(*) AS n FROM freed"
);

/// Brings back what is overdue. Call every few seconds; any number of processes may.
///
/// # Errors
/// If the database fails.
pub async fn sweep(conn: &mut AsyncPgConnection) -> Result<Swept, DbError> {
    let hints: Number = sql_query(HINTS).bind::<BigInt, _>(LIMIT).prepared().get_result(conn).await?;
    let interrupts = i32::try_from(limits::INTERRUPTS).unwrap_or(i32::MAX);
    let leases = sql_query(LEASES).bind::<BigInt, _>(LIMIT).bind::<Integer, _>(interrupts).prepared();
    let leases: Number = leases.get_result(conn).await?;
    let mut ended = 0;
    for claim in spent(conn, interrupts).await? {
        ended += u64::from(end_spent(conn, &claim).await?);
    }
    let keys = sql_query("DELETE FROM idem WHERE created < now() - interval '24 hours'").prepared();
    let keys = keys.execute(conn).await? as u64;
    step::forget(conn, limits::STEP_DAYS).await?;
    Ok(Swept { hints: hints.n.unsigned_abs(), interrupted: leases.n.unsigned_abs(), ended, keys })
}

#[derive(QueryableByName)]
struct Spent {
    #[diesel(sql_type = BigInt)]
    batch: i64,
    #[diesel(sql_type = Integer)]
    ordinal: i32,
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    token: Uuid,
    #[diesel(embed)]
    image: ImageColumns,
    #[diesel(sql_type = BigInt)]
    generation: i64,
    #[diesel(sql_type = Text, deserialize_as = Word<Stage>)]
    stage: Stage,
    #[diesel(sql_type = Text, deserialize_as = Word<Lane>)]
    lane: Lane,
}

impl From<Spent> for Claim {
    fn from(row: Spent) -> Self {
        let Spent { batch, ordinal, token, image, generation, stage, lane } = row;
        Self {
            token,
            image: image.into(),
            generation,
            batch: BatchId(batch),
            ordinal,
            stage,
            lane,
            immediate: false,
            origin: String::new(),
            attempt: 0,
            interrupts: limits::INTERRUPTS,
            staged: None,
            max_unauthorised: -1,
            roles: Vec::new(),
        }
    }
}

async fn spent(conn: &mut AsyncPgConnection, interrupts: i32) -> QueryResult<Vec<Claim>> {
    let sql = "SELECT l.batch, l.ordinal, l.token, i.customer, i.space, i.image, i.generation, i.stage, i.lane \
               FROM lease l JOIN item i USING (batch, ordinal) \
               WHERE l.until < now() AND i.state = 'running' AND i.interrupts + 1 >= $1 LIMIT 100";
    let rows: Vec<Spent> = sql_query(sql).bind::<Integer, _>(interrupts).prepared().get_results(conn).await?;
    Ok(rows.into_iter().map(Claim::from).collect())
}

/// Ends an item whose lease ran out once too often, unless its worker gave a sign of life just now.
async fn end_spent(conn: &mut AsyncPgConnection, claim: &Claim) -> Result<bool, DbError> {
    const GATE: &str = concat!(
        "WITH gone AS ( \
            DELETE FROM lease WHERE batch = $1 AND ordinal = $2 AND token = $3 AND until < now() \
            RETURNING batch, ordinal, token), \
        discarded AS (",
        discard_attempts!(),
        ") SELECT count(*) AS n FROM gone"
    );
    let detail = format!("{} workers were lost while they had this image", limits::INTERRUPTS);
    let failure = Failure::new(FailureCode::DecoderCrash, detail);
    conn.transaction(async |conn| {
        lock_image(conn, &claim.image).await?;
        let query = sql_query(GATE).bind::<BigInt, _>(claim.batch.0).bind::<Integer, _>(claim.ordinal);
        let query = query.bind::<diesel::sql_types::Uuid, _>(claim.token).prepared();
        let open = query.get_result::<Number>(conn).await?.n > 0;
        if open {
            fail::end(conn, claim, &failure).await?;
        }
        Ok(open)
    })
    .await
}
