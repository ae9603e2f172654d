//! The keys by which hosts are known again. What was seen first stays until somebody deletes the row.

use diesel::sql_types::{Integer, Text};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::CustomerId;

use crate::DbError;
use crate::sql::Prepare;

/// A host as one customer knows it.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Who knows it.
    pub customer: CustomerId,
    /// Its name or address.
    pub host: &'a str,
    /// The port.
    pub port: u16,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    key: String,
}

/// The key that a host is known by.
///
/// # Errors
/// If the database fails.
pub async fn find(conn: &mut AsyncPgConnection, place: &Place<'_>) -> Result<Option<String>, DbError> {
    let Place { customer, host, port } = *place;
    let query = sql_query("SELECT key FROM known_host WHERE customer = $1 AND host = $2 AND port = $3");
    let query = query.bind::<Integer, _>(customer.0).bind::<Text, _>(host).bind::<Integer, _>(i32::from(port));
    Ok(query.prepared().get_result::<Row>(conn).await.optional()?.map(|row| row.key))
}

/// Remembers a host by a key, unless it is known already. Returns the key that it is known by.
///
/// # Errors
/// If there is no such customer or the database fails.
pub async fn pin(conn: &mut AsyncPgConnection, place: &Place<'_>, key: &str) -> Result<String, DbError> {
    let Place { customer, host, port } = *place;
    // A conflict is an update of nothing, so that the row is returned whoever made it, also a moment ago.
    let query = sql_query(
        "INSERT INTO known_host (customer, host, port, key) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (customer, host, port) DO UPDATE SET key = known_host.key RETURNING key",
    );
    let query = query.bind::<Integer, _>(customer.0).bind::<Text, _>(host).bind::<Integer, _>(i32::from(port));
    Ok(query.bind::<Text, _>(key).prepared().get_result::<Row>(conn).await?.key)
}

/// Forgets a host; whether it was known. The next key that it shows is its first again.
///
/// # Errors
/// If the database fails.
pub async fn forget(conn: &mut AsyncPgConnection, place: &Place<'_>) -> Result<bool, DbError> {
    let Place { customer, host, port } = *place;
    let query = sql_query("DELETE FROM known_host WHERE customer = $1 AND host = $2 AND port = $3");
    let query = query.bind::<Integer, _>(customer.0).bind::<Text, _>(host).bind::<Integer, _>(i32::from(port));
    Ok(query.prepared().execute(conn).await? > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::TestDb;

    #[tokio::test]
    async fn of_many_first_keys_one_stays_and_everybody_gets_it() {
        let db = TestDb::new().await;
        let (mine, theirs) = (db.customer("mine").await, db.customer("theirs").await);
        let place = |customer| Place { customer, host: "host", port: 22 };
        let pins = (0..16).map(|n| {
            let db = &db;
            async move {
                let mut conn = db.conn().await;
                pin(&mut conn, &place(mine), &format!("key {n}")).await.unwrap()
            }
        });
        let mut pinned = futures::future::join_all(pins).await;
        pinned.dedup();
        assert_eq!(pinned.len(), 1, "{pinned:?}");
        let mut conn = db.conn().await;
        assert_eq!(find(&mut conn, &place(mine)).await.unwrap().as_ref(), pinned.as_slice().first());
        assert_eq!(find(&mut conn, &place(theirs)).await.unwrap(), None);
        assert_eq!(find(&mut conn, &Place { port: 2222, ..place(mine) }).await.unwrap(), None);
        assert_eq!(pin(&mut conn, &place(theirs), "other").await.unwrap(), "other");
    }
}
