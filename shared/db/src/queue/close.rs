//! Ending items from outside: superseded, cancelled or deleted.

use diesel::QueryResult;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Integer, Text};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::FailureCode;

use super::discarded::discard_attempts;
use crate::sql::{Place, Prepare};

/// Items by their places, as two arrays of the same length.
#[derive(Debug, Default)]
pub(super) struct Places {
    pub batches: Vec<i64>,
    pub ordinals: Vec<i32>,
}

impl Places {
    pub fn push(&mut self, batch: i64, ordinal: i32) {
        self.batches.push(batch);
        self.ordinals.push(ordinal);
    }

    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }
}

/// Leases first, in the order of their keys: without its lease a worker can no longer finish.
const LEASES: &str = concat!(
    "WITH held AS ( \
        SELECT l.batch, l.ordinal FROM lease l \
        JOIN unnest($1::bigint[], $2::integer[]) AS p (batch, ordinal) USING (batch, ordinal) \
        ORDER BY l.batch, l.ordinal FOR UPDATE OF l), \
    gone AS ( \
        DELETE FROM lease l USING held h WHERE l.batch = h.batch AND l.ordinal = h.ordinal \
        RETURNING l.batch, l.ordinal, l.token) ",
    discard_attempts!()
);

const ITEMS: &str = "\
    WITH open AS ( \
        SELECT i.batch, i.ordinal FROM item i \
        JOIN unnest($1::bigint[], $2::integer[]) AS p (batch, ordinal) USING (batch, ordinal) \
        WHERE i.state IN ('ready', 'queued', 'running') \
        ORDER BY i.batch, i.ordinal FOR UPDATE OF i), \
    closed AS ( \
        UPDATE item i SET state = 'error', error_code = $3, error = $4, finished = now() \
        FROM open WHERE i.batch = open.batch AND i.ordinal = open.ordinal AND i.state IN ('ready', 'queued', 'running') \
        RETURNING i.batch, i.ordinal, i.dequeued), \
    hints AS ( \
        DELETE FROM dispatch d USING closed WHERE d.batch = closed.batch AND d.ordinal = closed.ordinal), \
    counted AS ( \
        INSERT INTO batch_delta (batch, ordinals, errors, started) \
        SELECT batch, array_agg(ordinal ORDER BY ordinal), count(*), min(dequeued) FROM closed GROUP BY batch) \
    SELECT batch, ordinal FROM closed";

/// Ends those of the items that are still open, takes them from whoever works on them, and counts them in their
/// batches. The caller holds the locks on their images. Returns the places that were ended.
pub(super) async fn close(
    conn: &mut AsyncPgConnection,
    places: &Places,
    code: FailureCode,
    detail: &str,
) -> QueryResult<Vec<Place>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let Places { batches, ordinals } = places;
    sql_query(LEASES)
        .bind::<Array<BigInt>, _>(batches)
        .bind::<Array<Integer>, _>(ordinals)
        .prepared()
        .execute(conn)
        .await?;
    sql_query(ITEMS)
        .bind::<Array<BigInt>, _>(batches)
        .bind::<Array<Integer>, _>(ordinals)
        .bind::<Text, _>(code.as_str())
        .bind::<Text, _>(detail)
        .prepared()
        .get_results(conn)
        .await
}
