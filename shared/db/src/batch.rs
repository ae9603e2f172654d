//! Batches as they are read: one row each, whose counters the roller keeps.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Bool, Integer, Text};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::{BatchField, BatchFilter, BatchId, CustomerId, Lane, Order, Progress};

use crate::DbError;
use crate::image::NEVER;
use crate::page::{Column, Kind, Listing, Slice, Walk};
use crate::schema::batch;
use crate::sql::{Number, Prepare, Word};
use crate::statement::{Bind, Statement};

/// Seconds over which an image's weight in [`Batch::pace`] falls to about a third.
pub const RECENT: f64 = 60.0;

/// Seconds without an end after which nothing is known about how fast a batch goes on.
const STALLED: f64 = 5.0 * RECENT;

/// A batch.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, QueryableByName)]
#[diesel(table_name = batch, check_for_backend(diesel::pg::Pg))]
pub struct Batch {
    /// Its number.
    #[diesel(deserialize_as = i64)]
    pub id: BatchId,
    /// Whose it is.
    #[diesel(deserialize_as = i32)]
    pub customer: CustomerId,
    /// Through which lane it goes.
    #[diesel(deserialize_as = Word<Lane>)]
    pub lane: Lane,
    /// The client's name for it.
    pub label: Option<String>,
    /// A single registration that a client waits for; not to be shown as a batch.
    pub immediate: bool,
    /// How many members it has.
    pub count: i32,
    /// How many of them finished well.
    pub completed: i32,
    /// How many of them finished badly.
    pub errors: i32,
    /// How many of them are no longer the latest registration of their image.
    pub gone: i32,
    /// How many of them ended by work on them, rather than from outside.
    pub worked: i32,
    /// Those, each weighing less the longer ago it was, as of `paced`.
    pub pace: f64,
    /// When the counters last moved.
    pub paced: Option<DateTime<Utc>>,
    /// When it was accepted.
    pub submitted: DateTime<Utc>,
    /// When the first of its finished items was taken up.
    pub started: Option<DateTime<Utc>>,
    /// When its last item finished.
    pub finished: Option<DateTime<Utc>>,
    /// When it was cancelled.
    pub cancelled: Option<DateTime<Utc>>,
}

impl Batch {
    /// Whether no image has this batch as its latest.
    #[must_use]
    pub fn superseded(&self) -> bool {
        self.gone == self.count
    }

    /// Images worked on per second: at present, mostly over the last minute; of a finished batch, over all its time.
    /// `None` if that is not known: nothing was worked on yet, or nothing for minutes.
    #[must_use]
    pub fn rate(&self, now: DateTime<Utc>) -> Option<f64> {
        let (started, paced) = (self.started?, self.paced?);
        let since = |from: DateTime<Utc>, to: DateTime<Utc>| (to - from).as_seconds_f64().max(0.0);
        let rate = match self.finished {
            Some(finished) => f64::from(self.worked) / since(started, finished),
            None if since(paced, now) > STALLED => return None,
            // A steady rate r sums up to r·RECENT·(1 - e^(-age/RECENT)).
            None => {
                let now = now.max(paced);
                let weight = 1.0 - (-since(started, now) / RECENT).exp();
                self.pace * (-since(paced, now) / RECENT).exp() / (RECENT * weight)
            }
        };
        (self.worked > 0 && rate.is_finite()).then_some(rate)
    }
}

/// A customer's batch, in one read by primary key. Immediate registrations are not found.
///
/// # Errors
/// If the database fails.
pub async fn get(conn: &mut AsyncPgConnection, customer: CustomerId, id: BatchId) -> Result<Option<Batch>, DbError> {
    let row = batch::table.find(id.0).filter(batch::customer.eq(customer.0)).filter(batch::immediate.eq(false));
    Ok(row.select(Batch::as_select()).first(conn).await.optional()?)
}

/// Which batches to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All.
    All,
    /// Those that are not finished.
    Active,
    /// Those that are finished, the last finished first.
    Recent,
}

/// The batches of a customer that are shown, and agree with the filter.
fn scope(statement: &mut Statement, customer: CustomerId, which: Which, filter: &BatchFilter) {
    let BatchFilter { label, state } = filter;
    statement.push("FROM batch WHERE NOT immediate AND customer = ").bind(Bind::Number(customer.0.into()));
    statement.push(match which {
        Which::All => " ",
        Which::Active => " AND finished IS NULL ",
        // As the index has it.
        Which::Recent => {
            " AND finished IS NOT NULL \
             AND coalesce(finished, '9999-12-31 00:00:00+00') < '9999-12-31 00:00:00+00' "
        }
    });
    if let Some(label) = label {
        statement.push("AND label = ").bind(Bind::Text(label.clone())).push(" ");
    }
    statement.push(match state {
        None => "",
        Some(Progress::Waiting) => "AND finished IS NULL AND started IS NULL ",
        Some(Progress::Ingesting) => "AND finished IS NULL AND started IS NOT NULL ",
        Some(Progress::Ready) => "AND finished IS NOT NULL AND errors = 0 ",
        Some(Progress::Error) => "AND finished IS NOT NULL AND errors > 0 ",
    });
}

fn columns(field: BatchField) -> Vec<Column<Batch>> {
    let id = Column { sql: "id", kind: Kind::Number, of: |batch: &Batch| batch.id.0.into() };
    match field {
        BatchField::Id => vec![id],
        BatchField::Submitted => {
            vec![Column { sql: "submitted", kind: Kind::Time, of: |batch: &Batch| batch.submitted.into() }, id]
        }
        BatchField::Finished => {
            let sql = "coalesce(finished, '9999-12-31 00:00:00+00')";
            vec![Column { sql, kind: Kind::Time, of: |batch: &Batch| batch.finished.unwrap_or(NEVER).into() }, id]
        }
    }
}

/// A customer's batches, unless told otherwise newest first, of the finished ones the last finished.
///
/// # Errors
/// If the slice begins at a place of another order, or the database fails.
pub async fn list(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    which: Which,
    filter: &BatchFilter,
    slice: &Slice<BatchField>,
) -> Result<Listing<Batch>, DbError> {
    let by = match which {
        Which::All | Which::Active => BatchField::Id,
        Which::Recent => BatchField::Finished,
    };
    let order = slice.order.unwrap_or(Order { by, descending: true });
    let walk = Walk::new(columns(order.by), order.descending, slice);
    if walk.is_empty() {
        return Ok(walk.listing(Vec::new()));
    }
    let mut statement = Statement::new("SELECT * ");
    scope(&mut statement, customer, which, filter);
    walk.beyond(&mut statement)?;
    walk.sort(&mut statement);
    walk.cut(&mut statement);
    Ok(walk.listing(statement.query().load(conn).await?))
}

/// How many there are.
///
/// # Errors
/// If the database fails.
pub async fn count(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    which: Which,
    filter: &BatchFilter,
) -> Result<i64, DbError> {
    let mut tally = async |which| {
        let mut statement = Statement::new("SELECT count(*) AS n ");
        scope(&mut statement, customer, which, filter);
        let total: Number = statement.query().get_result(conn).await?;
        Ok(total.n)
    };
    match which {
        // These two are counted in an index alone.
        Which::Recent if *filter == BatchFilter::default() => {
            Ok(tally(Which::All).await? - tally(Which::Active).await?)
        }
        _ => tally(which).await,
    }
}

/// What a customer waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
pub struct QueueSize {
    /// Images that are not finished.
    #[diesel(sql_type = BigInt)]
    pub size: i64,
    /// Batches that are not finished.
    #[diesel(sql_type = BigInt)]
    pub batches_waiting: i64,
    /// Images that nobody works on yet.
    #[diesel(sql_type = BigInt)]
    pub images_waiting: i64,
}

/// A customer's queue, or of one lane only; from the counters of the open batches and the leases, at most a second old.
///
/// # Errors
/// If the database fails.
pub async fn queue_size(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    lane: Option<Lane>,
) -> Result<QueueSize, DbError> {
    let sql = "WITH open AS ( \
                   SELECT count(*) AS batches, coalesce(sum(count - completed - errors), 0)::bigint AS images FROM batch \
                   WHERE customer = $1 AND finished IS NULL AND NOT immediate AND ($2 OR lane = $3)), \
               busy AS ( \
                   SELECT count(*) AS images FROM lease l JOIN item i USING (batch, ordinal) \
                   WHERE l.customer = $1 AND NOT l.immediate AND i.state = 'running' AND ($2 OR i.lane = $3)) \
               SELECT open.images AS size, open.batches AS batches_waiting, \
                   greatest(open.images - busy.images, 0) AS images_waiting FROM open, busy";
    let query = diesel::sql_query(sql).bind::<Integer, _>(customer.0).bind::<Bool, _>(lane.is_none());
    Ok(query.bind::<Text, _>(lane.map_or("", Lane::as_str)).prepared().get_result(conn).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A batch that began at 0 and went on at `rate`, in folds a second apart, until `end`.
    fn steady(rate: i32, end: i32) -> Batch {
        let at = |second| DateTime::from_timestamp(i64::from(second), 0).unwrap();
        let pace = (1..=end).fold(0.0, |pace, _| f64::from(rate) + pace * (-1.0 / RECENT).exp());
        let (worked, started, paced) = (rate * end, Some(at(0)), Some(at(end)));
        let submitted = at(-10);
        Batch {
            id: BatchId(1),
            customer: CustomerId(1),
            lane: Lane::Normal,
            label: None,
            immediate: false,
            count: 1_000_000,
            completed: worked,
            errors: 0,
            gone: 0,
            worked,
            pace,
            paced,
            submitted,
            started,
            finished: None,
            cancelled: None,
        }
    }

    #[test]
    fn the_rate_is_the_recent_one() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        for end in [5, 60, 1000] {
            let rate = steady(20, end).rate(at(i64::from(end))).unwrap();
            assert!((19.0..21.0).contains(&rate), "{rate} after {end} s");
        }
        let mut changed = steady(20, 1000);
        for _ in 0..180 {
            changed.pace = 5.0 + changed.pace * (-1.0 / RECENT).exp();
        }
        changed.paced = Some(at(1180));
        let rate = changed.rate(at(1180)).unwrap();
        assert!((5.0..6.0).contains(&rate), "{rate} three minutes after it fell to 5");
    }

    #[test]
    fn what_is_not_known_is_not_said() {
        let at = |second| DateTime::from_timestamp(second, 0).unwrap();
        let batch = steady(20, 100);
        let halting = batch.rate(at(160)).unwrap();
        assert!((6.0..11.0).contains(&halting), "{halting} a minute after the last");
        assert_eq!(batch.rate(at(500)), None, "nothing for minutes");
        assert_eq!(Batch { worked: 0, pace: 0.0, ..batch.clone() }.rate(at(100)), None, "only ended from outside");
        assert_eq!(Batch { started: None, paced: None, ..batch.clone() }.rate(at(100)), None, "not begun");
        let ended = Batch { finished: Some(at(200)), ..batch };
        assert_eq!(ended.rate(at(9999)), Some(10.0), "2000 in 200 s");
        assert_eq!(Batch { finished: ended.started, ..ended }.rate(at(0)), None, "in no time");
    }
}
