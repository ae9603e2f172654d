//! The steps in which a customer's batches went on, for whoever follows them: each tells which items ended and how the
//! batch stood then. Steps never change, are numbered without gaps, and become visible in the order of their numbers.

use std::collections::HashMap;

use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text};
use diesel::{OptionalExtension, QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::{BatchId, CustomerId, FailureCode, ImageId, SpaceId};

use crate::DbError;
use crate::batch::{self, Batch};
use crate::sql::{Number, Prepare, Word};

/// Items read of one step at once.
pub const SLICE: i32 = 500;

/// Steps of one customer read at once.
const STEPS: i64 = 8;

/// A place between two things that can be told: before `number`, or after its first `told` things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The step; all before it were told.
    pub number: i64,
    /// How much of it was told.
    pub told: i32,
}

impl Position {
    /// Behind all of a step.
    #[must_use]
    pub fn behind(number: i64) -> Self {
        Self { number: number + 1, told: 0 }
    }
}

/// An item that ended.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Ended {
    #[diesel(sql_type = BigInt)]
    batch: i64,
    #[diesel(sql_type = Integer)]
    ordinal: i32,
    /// The image's space.
    #[diesel(sql_type = Integer, deserialize_as = i32)]
    pub space: SpaceId,
    /// The image.
    #[diesel(sql_type = Text, deserialize_as = Word<ImageId>)]
    pub image: ImageId,
    #[diesel(sql_type = Nullable<Text>)]
    error_code: Option<String>,
    /// The sentence that goes with the failure.
    #[diesel(sql_type = Nullable<Text>)]
    pub error: Option<String>,
}

impl Ended {
    /// Why it ended badly, if it did.
    #[must_use]
    pub fn failure_code(&self) -> Option<FailureCode> {
        self.error_code.as_deref().and_then(FailureCode::from_word)
    }
}

/// A step, or a slice of a large one.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// Its number among the customer's.
    pub number: i64,
    /// The batch as it was after the step.
    pub batch: Batch,
    /// How many of its items stand before this slice.
    pub first: i32,
    /// The items of this slice.
    pub ended: Vec<Ended>,
    /// How many items it has in all.
    pub size: i32,
}

impl Step {
    /// Whether its last item is in this slice.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.behind_items() >= self.size
    }

    /// How many of its items stand before the end of this slice.
    #[must_use]
    pub fn behind_items(&self) -> i32 {
        self.first.saturating_add(i32::try_from(self.ended.len()).unwrap_or(i32::MAX))
    }

    /// Where this slice begins.
    #[must_use]
    pub fn start(&self) -> Position {
        Position { number: self.number, told: self.first }
    }

    /// Where this slice ends.
    #[must_use]
    pub fn end(&self) -> Position {
        if self.is_whole() {
            Position::behind(self.number)
        } else {
            Position { number: self.number, told: self.behind_items() }
        }
    }
}

/// The batches that a follower begins with, and the number of the last step that they show.
#[derive(Debug, Clone, PartialEq)]
pub struct Beginning {
    /// The customer's last step.
    pub number: i64,
    /// The batches as they are after it.
    pub batches: Vec<Batch>,
}

/// How a customer's batch stands, or its newest open ones, `limit` at most. In one snapshot, so that following from
/// there misses nothing and repeats nothing. No batches if the customer has no such batch.
///
/// # Errors
/// If the database fails.
pub async fn beginning(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    batch: Option<BatchId>,
    limit: i64,
) -> Result<Beginning, DbError> {
    let mut snapshot = conn.build_transaction().repeatable_read().read_only();
    snapshot
        .run(async |conn| {
            let number = last(conn, customer).await?;
            let batches = match batch {
                Some(id) => batch::get(conn, customer, id).await?.into_iter().collect(),
                None => open(conn, customer, limit).await?,
            };
            Ok(Beginning { number, batches })
        })
        .await
}

/// The customer's newest open batches.
async fn open(conn: &mut AsyncPgConnection, customer: CustomerId, limit: i64) -> QueryResult<Vec<Batch>> {
    let sql =
        "SELECT * FROM batch WHERE customer = $1 AND finished IS NULL AND NOT immediate ORDER BY id DESC LIMIT $2";
    let query = sql_query(sql).bind::<Integer, _>(customer.0).bind::<BigInt, _>(limit);
    query.prepared().load(conn).await
}

/// The number of the customer's last step.
async fn last(conn: &mut AsyncPgConnection, customer: CustomerId) -> QueryResult<i64> {
    let sql = "SELECT number AS n FROM step_clock WHERE customer = $1";
    let query = sql_query(sql).bind::<Integer, _>(customer.0).prepared();
    Ok(query.get_result::<Number>(conn).await.optional()?.map_or(0, |clock| clock.n))
}

/// A [`Row`], from `step s`, `batch b` and the position `f`; `$4` is the length of a slice.
macro_rules! columns {
    () => {
        "b.id, b.customer, b.lane, b.label, b.immediate, b.count, s.completed, s.errors, s.gone, s.worked, s.pace, \
         s.at AS paced, b.submitted, s.started, s.finished, s.cancelled, s.number, s.size, p.first, \
         s.ordinals[p.first + 1 : p.first + $4] AS ordinals "
    };
}

/// Where in a step a slice begins.
macro_rules! place {
    () => {
        "CROSS JOIN LATERAL ( \
             SELECT CASE WHEN s.number = f.number THEN least(f.told, s.size) ELSE 0 END AS first) p \
         JOIN batch b ON b.id = s.batch "
    };
}

/// What comes next for each of the customers, from where each has come to; the steps of a customer in their order,
/// each beginning where the one before it ends. There may be more.
///
/// # Errors
/// If the database fails.
pub async fn next(conn: &mut AsyncPgConnection, from: &[(CustomerId, Position)]) -> Result<Vec<Step>, DbError> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        "FROM unnest($1::integer[], $2::bigint[], $3::integer[]) AS f (customer, number, told) CROSS JOIN LATERAL ( \
             SELECT *, cardinality(ordinals) AS size FROM step WHERE customer = f.customer AND number >= f.number ORDER BY number LIMIT $5) s ",
        place!(),
        "ORDER BY s.customer, s.number"
    );
    let rows = sql_query(SQL)
        .bind::<Array<Integer>, _>(from.iter().map(|(customer, _)| customer.0).collect::<Vec<_>>())
        .bind::<Array<BigInt>, _>(from.iter().map(|(_, at)| at.number).collect::<Vec<_>>())
        .bind::<Array<Integer>, _>(from.iter().map(|(_, at)| at.told).collect::<Vec<_>>())
        .bind::<Integer, _>(SLICE)
        .bind::<BigInt, _>(STEPS)
        .prepared()
        .load(conn)
        .await?;
    assemble(conn, rows).await
}

/// The same for one customer's batch alone, without looking at the others' steps.
///
/// # Errors
/// If the database fails.
pub async fn next_of(conn: &mut AsyncPgConnection, batch: BatchId, from: Position) -> Result<Vec<Step>, DbError> {
    const SQL: &str = concat!(
        "SELECT ",
        columns!(),
        "FROM (SELECT $2::bigint AS number, $3::integer AS told) f CROSS JOIN LATERAL ( \
             SELECT *, cardinality(ordinals) AS size FROM step WHERE batch = $1 AND number >= f.number ORDER BY number LIMIT $5) s ",
        place!(),
        "ORDER BY s.number"
    );
    let rows = sql_query(SQL)
        .bind::<BigInt, _>(batch.0)
        .bind::<BigInt, _>(from.number)
        .bind::<Integer, _>(from.told)
        .bind::<Integer, _>(SLICE)
        .bind::<BigInt, _>(STEPS)
        .prepared()
        .load(conn)
        .await?;
    assemble(conn, rows).await
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(embed)]
    batch: Batch,
    #[diesel(sql_type = BigInt)]
    number: i64,
    #[diesel(sql_type = Integer)]
    size: i32,
    #[diesel(sql_type = Integer)]
    first: i32,
    #[diesel(sql_type = Array<Integer>)]
    ordinals: Vec<i32>,
}

/// Adds the items. What stands behind the slice of a large step is left for the next time.
async fn assemble(conn: &mut AsyncPgConnection, rows: Vec<Row>) -> Result<Vec<Step>, DbError> {
    let mut partial = None;
    let contiguous = |row: &Row| {
        let blocked = partial == Some(row.batch.customer);
        let whole = row.first + i32::try_from(row.ordinals.len()).unwrap_or(i32::MAX) >= row.size;
        if !whole {
            partial = Some(row.batch.customer);
        }
        !blocked
    };
    let rows: Vec<Row> = rows.into_iter().filter(contiguous).collect();
    let mut items = ended(conn, &rows).await?;
    let step = |Row { batch, number, size, first, ordinals }: Row| {
        let ended = ordinals.iter().filter_map(|ordinal| items.remove(&(batch.id.0, *ordinal))).collect();
        Step { number, batch, first, ended, size }
    };
    Ok(rows.into_iter().map(step).collect())
}

async fn ended(conn: &mut AsyncPgConnection, rows: &[Row]) -> QueryResult<HashMap<(i64, i32), Ended>> {
    let places = rows.iter().flat_map(|row| row.ordinals.iter().map(|ordinal| (row.batch.id.0, *ordinal)));
    let (batches, ordinals): (Vec<_>, Vec<_>) = places.unzip();
    if batches.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT i.batch, i.ordinal, i.space, i.image, i.error_code, i.error \
               FROM unnest($1::bigint[], $2::integer[]) AS p (batch, ordinal) JOIN item i USING (batch, ordinal)";
    let query = sql_query(sql).bind::<Array<BigInt>, _>(batches).bind::<Array<Integer>, _>(ordinals);
    let items: Vec<Ended> = query.prepared().load(conn).await?;
    Ok(items.into_iter().map(|item| ((item.batch, item.ordinal), item)).collect())
}

/// Forgets steps older than `days`. Call it now and then.
///
/// # Errors
/// If the database fails.
pub(crate) async fn forget(conn: &mut AsyncPgConnection, days: i32) -> QueryResult<usize> {
    let sql = "DELETE FROM step WHERE at < now() - make_interval(days => $1)";
    sql_query(sql).bind::<Integer, _>(days).prepared().execute(conn).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::queue::*;
    use crate::testing::*;

    /// Everything there is to tell a customer, or about one batch, read from the beginning.
    async fn all(conn: &mut AsyncPgConnection, customer: CustomerId, batch: Option<BatchId>) -> Vec<Step> {
        let (mut at, mut steps) = (Position { number: 0, told: 0 }, Vec::<Step>::new());
        loop {
            let more = match batch {
                Some(batch) => next_of(conn, batch, at).await.unwrap(),
                None => next(conn, &[(customer, at)]).await.unwrap(),
            };
            let Some(last) = more.last() else { return steps };
            at = last.end();
            steps.extend(more);
        }
    }

    fn told(steps: &[Step]) -> Vec<&str> {
        steps.iter().flat_map(|step| &step.ended).map(|item| item.image.as_str()).collect()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn every_end_is_told_once_in_its_order() {
        let test = TestDb::new().await;
        let (customer, other) = (test.customer("a").await, test.customer("b").await);
        let conn = &mut test.conn().await;
        let first = accept(conn, &batch_of(customer, &["a", "b", "c"])).await.unwrap();
        settle(conn).await;
        let claimed = to_processing(conn, &hint(&first, 1, dlcs_model::Stage::Fetch)).await;
        assert_eq!(finish(conn, &claimed).await, Outcome::Done);
        settle(conn).await;
        let second = accept(conn, &batch_of(customer, &["c"])).await.unwrap();
        accept(conn, &batch_of(other, &["x"])).await.unwrap();
        settle(conn).await;
        cancel_batch(conn, customer, first.batch).await.unwrap();
        settle(conn).await;
        let steps = all(conn, customer, None).await;
        assert_eq!(told(&steps), ["b", "c", "a"]);
        let codes: Vec<_> = steps.iter().flat_map(|step| &step.ended).map(Ended::failure_code).collect();
        assert_eq!(codes, [None, Some(FailureCode::Superseded), Some(FailureCode::Cancelled)]);
        let numbers: Vec<_> = steps.iter().map(|step| step.number).collect();
        assert_eq!(numbers, (1..=steps.len() as i64).collect::<Vec<_>>(), "no gaps");
        let mine = all(conn, customer, Some(first.batch)).await;
        let counters: Vec<_> = mine.iter().map(|s| (s.batch.completed, s.batch.errors, s.batch.worked)).collect();
        assert_eq!(counters, [(0, 0, 0), (1, 0, 1), (1, 1, 1), (1, 2, 1)]);
        let last = &mine.last().unwrap().batch;
        assert!(last.finished.is_some() && last.cancelled.is_some() && last.rate(chrono::Utc::now()).is_some());
        assert_eq!(all(conn, customer, Some(second.batch)).await.len(), 1, "that there is a new one");
        assert_eq!(all(conn, other, None).await.len(), 1);
        let (begun, open) = (beginning(conn, customer, None, 9).await.unwrap(), &second.batch);
        assert_eq!((begun.number, begun.batches.len(), begun.batches[0].id), (steps.len() as i64, 1, *open));
        assert_eq!(beginning(conn, other, Some(first.batch), 9).await.unwrap().batches, []);
        assert_eq!(forget(conn, 7).await.unwrap(), 0);
        assert_eq!(forget(conn, -1).await.unwrap(), steps.len() + 1);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_large_step_is_told_in_slices() {
        let test = TestDb::new().await;
        let customer = test.customer("a").await;
        let conn = &mut test.conn().await;
        let names = names("i", 1200);
        let batch = accept(conn, &batch_of(customer, &names)).await.unwrap().batch;
        cancel_batch(conn, customer, batch).await.unwrap();
        accept(conn, &batch_of(customer, &["later"])).await.unwrap();
        settle(conn).await;
        for one in [None, Some(batch)] {
            let steps = all(conn, customer, one).await;
            assert_eq!(told(&steps), names);
            let slices: Vec<_> = steps.iter().map(|s| (s.number, s.first, s.size, s.is_whole())).collect();
            assert_eq!(slices[..3], [(1, 0, 1200, false), (1, 500, 1200, false), (1, 1000, 1200, true)]);
            assert_eq!(steps.len(), if one.is_none() { 4 } else { 3 });
        }
        let inside = Position { number: 1, told: 1199 };
        assert_eq!(told(&next_of(conn, batch, inside).await.unwrap()), ["i01199"]);
        let behind_all_items = Position { number: 1, told: 1201 };
        let rest = next_of(conn, batch, behind_all_items).await.unwrap();
        assert!(rest[0].ended.is_empty() && rest[0].is_whole() && rest[0].end() == Position::behind(1));
    }
}
