//! An attempt that did not succeed: try again later, or end.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Bool, Double, Integer, Text, Timestamptz};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_model::{Failure, RetryClass, Stage, limits};

use super::complete::lock_image;
use super::discarded::give_up;
use super::{Claim, turn};
use crate::DbError;
use crate::sql::Prepare;

/// What becomes of an item whose attempt failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It is tried again, not before this time.
    Retry {
        /// The earliest time.
        at: DateTime<Utc>,
        /// With what: an item that is to be fetched afresh no longer needs its staged bytes.
        stage: Stage,
    },
    /// It ended in error. Its staged bytes can go.
    Ended,
    /// It is no longer the caller's.
    Fenced,
}

/// What went wrong with an item so far, this time included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, QueryableByName)]
struct Tally {
    #[diesel(sql_type = Integer)]
    fetch_failures: i32,
    #[diesel(sql_type = Integer)]
    process_failures: i32,
    #[diesel(sql_type = Integer)]
    doubts: i32,
    #[diesel(sql_type = Integer)]
    troubles: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    End,
    /// Try that stage again, after a delay that doubles with each step.
    Again {
        stage: Stage,
        steps: i32,
    },
}

impl Tally {
    fn add(mut self, stage: Stage, class: RetryClass) -> Self {
        match class {
            RetryClass::Ours => self.troubles += 1,
            RetryClass::Unsure => self.doubts += 1,
            RetryClass::Permanent | RetryClass::Transient | RetryClass::Waits => {}
        }
        match (class, stage) {
            (RetryClass::Ours | RetryClass::Waits, _) => {}
            (_, Stage::Fetch) => self.fetch_failures += 1,
            (_, Stage::Process) => self.process_failures += 1,
        }
        self
    }

    /// Bytes that were sent and not fetched are the same ones next time: a doubt about them is none.
    fn verdict(self, stage: Stage, class: RetryClass, fetchable: bool) -> Verdict {
        let (failures, allowed) = match stage {
            Stage::Fetch => (self.fetch_failures, limits::FETCH_ATTEMPTS),
            Stage::Process => (self.process_failures, limits::PROCESS_ATTEMPTS),
        };
        let spent = failures.unsigned_abs() >= allowed;
        match class {
            RetryClass::Ours => Verdict::Again { stage, steps: self.troubles.min(OUR_STEPS) },
            RetryClass::Waits => Verdict::Again { stage, steps: 0 },
            RetryClass::Transient if !spent => Verdict::Again { stage, steps: failures },
            RetryClass::Unsure if fetchable && !spent && self.doubts < 2 => {
                Verdict::Again { stage: Stage::Fetch, steps: failures }
            }
            RetryClass::Permanent | RetryClass::Transient | RetryClass::Unsure => Verdict::End,
        }
    }
}

/// Our own troubles end in about a minute, or someone is called; waiting longer would only delay the recovery.
const OUR_STEPS: i32 = 4;

/// The longest wait of our own choosing, in seconds.
const LONGEST_WAIT: f64 = 15.0 * 60.0;

/// The longest wait that the other side can ask for, in seconds.
const LONGEST_WISH: f64 = 60.0 * 60.0;

/// Notes that an attempt failed. By the failure's class the item ends, or comes back: after a random wait of up to
/// 2, 4, 8, … seconds (full jitter), and not before the time the other side asked for. A doubtful one comes back once,
/// to be fetched afresh, if it can be; our own troubles cost the item nothing.
///
/// # Errors
/// If the database fails; the lease will then run out, which costs the item nothing either.
pub async fn fail(conn: &mut AsyncPgConnection, claim: &Claim, failure: &Failure) -> Result<Failed, DbError> {
    conn.transaction(async |conn| {
        let image = lock_image(conn, &claim.image).await?;
        if !give_up(conn, claim).await? {
            return Ok(Failed::Fenced);
        }
        let current = image.filter(|image| image.generation == claim.generation && !image.deleted);
        let (Some(tally), Some(image)) = (tally(conn, claim).await?, current) else { return Ok(Failed::Fenced) };
        let tally = tally.add(claim.stage, failure.class);
        match tally.verdict(claim.stage, failure.class, image.fetchable) {
            Verdict::End => {
                note(conn, claim, tally).await?;
                end(conn, claim, failure).await?;
                Ok(Failed::Ended)
            }
            Verdict::Again { stage, steps } => {
                note(conn, claim, tally).await?;
                let at = again(conn, claim, stage, wait(steps, failure)).await?;
                turn::announce(conn, claim.image.customer, stage, claim.lane, Some(at)).await?;
                Ok(Failed::Retry { at, stage })
            }
        }
    })
    .await
}

/// Seconds to wait: at most, and at least.
fn wait(steps: i32, failure: &Failure) -> (f64, f64) {
    let longest = (2.0 * 2_f64.powi(steps.min(20))).min(LONGEST_WAIT);
    let wish = failure.retry_after.map_or(0.0, |wish| wish.as_secs_f64().min(LONGEST_WISH));
    (longest, wish)
}

async fn tally(conn: &mut AsyncPgConnection, claim: &Claim) -> QueryResult<Option<Tally>> {
    let sql = "SELECT fetch_failures, process_failures, doubts, troubles FROM item \
               WHERE batch = $1 AND ordinal = $2 AND state = 'running' FOR UPDATE";
    let query = sql_query(sql).bind::<BigInt, _>(claim.batch.0).bind::<Integer, _>(claim.ordinal);
    Ok(query.prepared().get_results(conn).await?.into_iter().next())
}

async fn note(conn: &mut AsyncPgConnection, claim: &Claim, tally: Tally) -> QueryResult<()> {
    let Tally { fetch_failures, process_failures, doubts, troubles } = tally;
    let sql = "UPDATE item SET fetch_failures = $3, process_failures = $4, doubts = $5, troubles = $6 \
               WHERE batch = $1 AND ordinal = $2";
    sql_query(sql)
        .bind::<BigInt, _>(claim.batch.0)
        .bind::<Integer, _>(claim.ordinal)
        .bind::<Integer, _>(fetch_failures)
        .bind::<Integer, _>(process_failures)
        .bind::<Integer, _>(doubts)
        .bind::<Integer, _>(troubles)
        .prepared()
        .execute(conn)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct NextAt {
    #[diesel(sql_type = Timestamptz)]
    next_at: DateTime<Utc>,
}

async fn again(
    conn: &mut AsyncPgConnection,
    claim: &Claim,
    stage: Stage,
    (longest, wish): (f64, f64),
) -> QueryResult<DateTime<Utc>> {
    let sql = "UPDATE item SET state = 'ready', stage = $3, \
                   next_at = now() + make_interval(secs => greatest($4 * random(), $5)), \
                   staging = CASE WHEN $6 THEN NULL ELSE staging END \
               WHERE batch = $1 AND ordinal = $2 RETURNING next_at";
    let row: NextAt = sql_query(sql)
        .bind::<BigInt, _>(claim.batch.0)
        .bind::<Integer, _>(claim.ordinal)
        .bind::<Text, _>(stage.as_str())
        .bind::<Double, _>(longest)
        .bind::<Double, _>(wish)
        .bind::<Bool, _>(stage == Stage::Fetch)
        .prepared()
        .get_result(conn)
        .await?;
    Ok(row.next_at)
}

/// Ends a running item in error, in its batch and on its image, whose lock the caller holds.
pub(super) async fn end(conn: &mut AsyncPgConnection, claim: &Claim, failure: &Failure) -> QueryResult<()> {
    const SQL: &str = "\
        WITH ended AS ( \
            UPDATE item SET state = 'error', error_code = $3, error = $4, done_token = $5, finished = now() \
            WHERE batch = $1 AND ordinal = $2 AND state = 'running' RETURNING *), \
        counted AS ( \
            INSERT INTO batch_delta (batch, ordinals, errors, worked, started) \
            SELECT batch, ARRAY[ordinal], 1, 1, dequeued FROM ended) \
        UPDATE image m SET dequeued = e.dequeued, finished = e.finished, attempts = e.attempts, \
            error_code = e.error_code, error = e.error \
        FROM ended e WHERE m.customer = e.customer AND m.space = e.space AND m.id = e.image \
            AND m.generation = e.generation AND m.deleted_at IS NULL";
    sql_query(SQL)
        .bind::<BigInt, _>(claim.batch.0)
        .bind::<Integer, _>(claim.ordinal)
        .bind::<Text, _>(failure.code.as_str())
        .bind::<Text, _>(&failure.detail)
        .bind::<diesel::sql_types::Uuid, _>(claim.token)
        .prepared()
        .execute(conn)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlcs_model::FailureCode;
    use std::time::Duration;

    const NONE: Tally = Tally { fetch_failures: 0, process_failures: 0, doubts: 0, troubles: 0 };

    /// How many attempts an item gets when each fails in the same way; `None` after a hundred.
    fn attempts(stage: Stage, class: RetryClass) -> Option<u32> {
        let mut tally = NONE;
        (1..=100).find(|_| {
            tally = tally.add(stage, class);
            tally.verdict(stage, class, true) == Verdict::End
        })
    }

    #[test]
    fn each_class_gets_its_attempts() {
        assert_eq!(attempts(Stage::Fetch, RetryClass::Permanent), Some(1));
        assert_eq!(attempts(Stage::Fetch, RetryClass::Unsure), Some(2));
        assert_eq!(attempts(Stage::Fetch, RetryClass::Transient), Some(limits::FETCH_ATTEMPTS));
        assert_eq!(attempts(Stage::Process, RetryClass::Transient), Some(limits::PROCESS_ATTEMPTS));
        assert_eq!(attempts(Stage::Process, RetryClass::Ours), None);
        assert_eq!(attempts(Stage::Fetch, RetryClass::Waits), None);
    }

    #[test]
    fn doubtful_bytes_are_fetched_afresh() {
        let tally = NONE.add(Stage::Process, RetryClass::Unsure);
        let again = Verdict::Again { stage: Stage::Fetch, steps: 1 };
        assert_eq!(tally.verdict(Stage::Process, RetryClass::Unsure, true), again);
        assert_eq!(tally.verdict(Stage::Process, RetryClass::Unsure, false), Verdict::End);
    }

    #[test]
    fn waits_double_and_have_ends() {
        let plain = Failure::new(FailureCode::OriginTimeout, "slow");
        assert_eq!(wait(1, &plain), (4.0, 0.0));
        assert_eq!(wait(30, &plain), (900.0, 0.0));
        let wish = plain.transient(Some(Duration::from_secs(86_400)));
        assert_eq!(wait(1, &wish), (4.0, 3600.0));
    }
}
