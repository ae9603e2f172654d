//! What was stored for images and is not served, or no longer: noted in the transaction that makes it so, to be removed
//! from the object store once nobody reads it any more.

use std::time::Duration;

use diesel::sql_types::{Array, BigInt, Double, Integer, Uuid as SqlUuid};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::ImageKey;
use uuid::Uuid;

use super::Claim;
use crate::DbError;
use crate::sql::{ImageColumns, Number, Prepare};

/// The end of a statement whose `gone` are leases just deleted: notes their attempts at processing, which may have
/// stored something.
macro_rules! discard_attempts {
    () => {
        "INSERT INTO discarded (token, customer, space, image, generation) \
         SELECT g.token, i.customer, i.space, i.image, i.generation FROM gone g JOIN item i USING (batch, ordinal) \
         WHERE i.stage = 'process'"
    };
}
pub(super) use discard_attempts;

/// Takes its lease from an attempt that publishes nothing. `false` if it had none any more.
pub(super) async fn give_up(conn: &mut AsyncPgConnection, claim: &Claim) -> QueryResult<bool> {
    const SQL: &str = concat!(
        "WITH gone AS ( \
            DELETE FROM lease WHERE batch = $1 AND ordinal = $2 AND token = $3 RETURNING batch, ordinal, token), \
        discarded AS (",
        discard_attempts!(),
        ") SELECT count(*) AS n FROM gone"
    );
    let query = sql_query(SQL).bind::<BigInt, _>(claim.batch.0).bind::<Integer, _>(claim.ordinal);
    Ok(query.bind::<SqlUuid, _>(claim.token).prepared().get_result::<Number>(conn).await?.n > 0)
}

/// An attempt at a registration of an image that is not served, or no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discarded {
    /// The image.
    pub image: ImageKey,
    /// The registration.
    pub generation: i64,
    /// The attempt.
    pub token: Uuid,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    token: Uuid,
    #[diesel(embed)]
    image: ImageColumns,
    #[diesel(sql_type = BigInt)]
    generation: i64,
}

impl From<Row> for Discarded {
    fn from(Row { token, image, generation }: Row) -> Self {
        Self { image: image.into(), generation, token }
    }
}

/// Seconds for which whoever took something up has it for itself.
const TURN: f64 = 600.0;

/// The second look at the images is for safety alone: nothing that is served is ever noted.
const TAKE: &str = "\
    WITH due AS ( \
        SELECT d.token FROM discarded d WHERE d.since < now() - make_interval(secs => $1) \
            AND NOT EXISTS (SELECT FROM image m WHERE m.customer = d.customer AND m.space = d.space \
                AND m.id = d.image AND m.ready_token = d.token) \
        ORDER BY d.since LIMIT $2 FOR UPDATE OF d SKIP LOCKED) \
    UPDATE discarded d SET since = now() - make_interval(secs => $1 - $3) FROM due WHERE d.token = due.token \
    RETURNING d.token, d.customer, d.space, d.image, d.generation";

/// Takes up the next of what was discarded more than `grace` ago, `limit` at most. Nobody else is given them for ten
/// minutes; then they come again, unless [`forget`] was called.
///
/// # Errors
/// If the database fails.
pub async fn discarded(conn: &mut AsyncPgConnection, grace: Duration, limit: i64) -> Result<Vec<Discarded>, DbError> {
    let query = sql_query(TAKE).bind::<Double, _>(grace.as_secs_f64()).bind::<BigInt, _>(limit);
    let rows: Vec<Row> = query.bind::<Double, _>(TURN).prepared().get_results(conn).await?;
    Ok(rows.into_iter().map(Discarded::from).collect())
}

/// Notes that nothing of these is stored any more.
///
/// # Errors
/// If the database fails.
pub async fn forget(conn: &mut AsyncPgConnection, tokens: &[Uuid]) -> Result<(), DbError> {
    let sql = "DELETE FROM discarded WHERE token = ANY($1)";
    sql_query(sql).bind::<Array<SqlUuid>, _>(tokens).prepared().execute(conn).await?;
    Ok(())
}
