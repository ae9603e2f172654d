//! How long work waits for its turn, for operators.

use diesel::sql_types::{Double, Text};
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::{Lane, Stage};

use crate::DbError;
use crate::sql::{Prepare, Word};

/// How far behind a lane of a stage is.
#[derive(Debug, Clone, Copy, PartialEq, QueryableByName)]
pub struct Lag {
    /// The stage.
    #[diesel(sql_type = Text, deserialize_as = Word<Stage>)]
    pub stage: Stage,
    /// The lane.
    #[diesel(sql_type = Text, deserialize_as = Word<Lane>)]
    pub lane: Lane,
    /// The age of the item that could have been handed out first, in seconds; 0 if none waits.
    #[diesel(sql_type = Double)]
    pub seconds: f64,
}

/// The lags of all lanes, from the customers' turns alone: the items are not looked at.
///
/// # Errors
/// If the database fails.
pub async fn lag(conn: &mut AsyncPgConnection) -> Result<Vec<Lag>, DbError> {
    let sql = "SELECT l.stage, l.lane, coalesce(extract(epoch FROM now() - min(t.due)), 0)::float8 AS seconds \
               FROM lane_clock l LEFT JOIN turn t ON t.stage = l.stage AND t.lane = l.lane AND t.due <= now() \
               GROUP BY l.stage, l.lane ORDER BY l.stage, l.lane";
    Ok(sql_query(sql).prepared().load(conn).await?)
}
