//! Customers' turns: telling the dispatcher that something is ready.

use chrono::{DateTime, Utc};
use diesel::QueryResult;
use diesel::sql_query;
use diesel::sql_types::{Integer, Nullable, Text, Timestamptz};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::{CustomerId, Lane, Stage};

use crate::sql::Prepare;

/// Says that an item of the customer is ready from `due` on (now, if none). Has to be in the transaction that made it
/// ready: holding the row until its commit keeps the dispatcher from concluding meanwhile that there is nothing.
pub(super) async fn announce(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    stage: Stage,
    lane: Lane,
    due: Option<DateTime<Utc>>,
) -> QueryResult<()> {
    let sql = "INSERT INTO turn (customer, stage, lane, due) VALUES ($1, $2, $3, coalesce($4, now())) \
               ON CONFLICT (stage, lane, customer) DO UPDATE SET due = least(turn.due, excluded.due)";
    sql_query(sql)
        .bind::<Integer, _>(customer.0)
        .bind::<Text, _>(stage.as_str())
        .bind::<Text, _>(lane.as_str())
        .bind::<Nullable<Timestamptz>, _>(due)
        .prepared()
        .execute(conn)
        .await?;
    Ok(())
}
