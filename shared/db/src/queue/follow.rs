//! Descriptors follow the rows of their images. A change that is committed in Postgres first leaves a note in
//! `descriptor_due`; whoever takes the note brings the object store in line, under the image's lock, so that neither a
//! crash nor a concurrent registration leaves anything behind. Every writer of a descriptor holds that lock.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Text, Timestamptz};
use diesel::{OptionalExtension, QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_model::ImageKey;

use super::Publication;
use crate::DbError;
use crate::sql::{ImageColumns, Prepare};

/// What an image's descriptor has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// None: the image is not being served.
    Absent,
    /// As it is, but with this access.
    Access(Publication),
}

/// A descriptor could not follow; the note stays.
#[derive(Debug, thiserror::Error)]
pub enum FollowError<E> {
    /// The descriptor could not be written.
    #[error("cannot publish: {0}")]
    Publish(E),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl<E> From<diesel::result::Error> for FollowError<E> {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Images whose descriptors are due, the oldest first.
///
/// # Errors
/// If the database fails.
pub async fn due(conn: &mut AsyncPgConnection, limit: i64) -> Result<Vec<ImageKey>, DbError> {
    let sql = "SELECT customer, space, image FROM descriptor_due ORDER BY since LIMIT $1";
    let rows: Vec<ImageColumns> = sql_query(sql).bind::<BigInt, _>(limit).prepared().get_results(conn).await?;
    Ok(rows.into_iter().map(ImageKey::from).collect())
}

/// Brings an image's descriptor in line, if that is due. `publish` makes the future that does it; let it give up
/// within some 20 seconds, and let it bear repetition. Whether it was due.
///
/// # Errors
/// If the descriptor cannot be written or the database fails; it is due as before then.
pub async fn follow<E, P, F>(conn: &mut AsyncPgConnection, key: &ImageKey, publish: P) -> Result<bool, FollowError<E>>
where
    E: Send,
    P: FnOnce(Wanted) -> F + Send,
    F: Future<Output = Result<(), E>> + Send,
{
    conn.transaction(async move |conn| {
        let Some(image) = lock(conn, key).await? else { return Ok(false) };
        if !take_note(conn, key).await? {
            return Ok(false);
        }
        publish(image.wanted()).await.map_err(FollowError::Publish)?;
        Ok(true)
    })
    .await
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Bool)]
    served: bool,
    #[diesel(sql_type = Integer)]
    max_unauthorised: i32,
    #[diesel(sql_type = Array<Text>)]
    roles: Vec<String>,
    #[diesel(sql_type = Timestamptz)]
    now: DateTime<Utc>,
}

impl Row {
    fn wanted(self) -> Wanted {
        let Self { served, max_unauthorised, roles, now } = self;
        if served { Wanted::Access(Publication { max_unauthorised, roles, modified: now }) } else { Wanted::Absent }
    }
}

async fn lock(conn: &mut AsyncPgConnection, key: &ImageKey) -> QueryResult<Option<Row>> {
    let sql = "SELECT ready_generation IS NOT NULL AS served, max_unauthorised, roles, now() AS now \
               FROM image WHERE customer = $1 AND space = $2 AND id = $3 FOR UPDATE";
    let query = sql_query(sql).bind::<Integer, _>(key.customer.0).bind::<Integer, _>(key.space.0);
    query.bind::<Text, _>(key.id.as_str()).prepared().get_result(conn).await.optional()
}

async fn take_note(conn: &mut AsyncPgConnection, key: &ImageKey) -> QueryResult<bool> {
    let sql = "DELETE FROM descriptor_due WHERE customer = $1 AND space = $2 AND image = $3";
    let query = sql_query(sql).bind::<Integer, _>(key.customer.0).bind::<Integer, _>(key.space.0);
    Ok(query.bind::<Text, _>(key.id.as_str()).prepared().execute(conn).await? > 0)
}
