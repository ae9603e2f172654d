//! Finishing an item well, and publishing its image's new service in the same breath.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz};
use diesel::{OptionalExtension, QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_model::ImageKey;

use super::discarded::give_up;
use super::{Claim, OverQuota, quota};
use crate::DbError;
use crate::sql::{Number, Prepare};

/// What the processor found out about an image whose derivative is in the object store, complete and verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Width at full size, upright, in pixels.
    pub width: u32,
    /// Height at full size, upright, in pixels.
    pub height: u32,
    /// The media type of the source, as its bytes say.
    pub media_type: String,
    /// The key of the derivative.
    pub derivative: String,
    /// Its size in bytes.
    pub size: u64,
    /// The size of all thumbnails in bytes.
    pub thumbnail_size: u64,
}

/// What the descriptor has to say beyond the facts, as it stands under the image's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publication {
    /// Pixels on the long edge that anyone may see; -1 is no limit.
    pub max_unauthorised: i32,
    /// Roles that lift the limit.
    pub roles: Vec<String>,
    /// When this registration is published.
    pub modified: DateTime<Utc>,
}

/// How an attempt to finish ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The item is completed and its image published.
    Done,
    /// The same attempt was completed before: the answer to an earlier call was lost. As good as done.
    AlreadyDone,
    /// The item is no longer the caller's. Its derivative can go.
    Fenced,
}

/// An attempt to finish could not be decided; nothing was changed in the database, and the call may be repeated.
#[derive(Debug, thiserror::Error)]
pub enum CompleteError<E> {
    /// The descriptor could not be written.
    #[error("cannot publish: {0}")]
    Publish(E),
    /// The customer's storage would be over its quota: nothing was published.
    #[error(transparent)]
    OverQuota(OverQuota),
    /// The database failed. Whether the commit came through is unknown: repeat the call to find out.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl<E> From<diesel::result::Error> for CompleteError<E> {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

/// Completes an item. `publish` makes the future that writes the image's descriptor; it runs under the lock of the
/// image, after every check and before the commit, so that neither an older registration nor a deleted image can ever
/// be published. Let it give up within some 20 seconds, and let it bear repetition.
///
/// # Errors
/// If the descriptor cannot be written or the database fails.
pub async fn complete<E, P, F>(
    conn: &mut AsyncPgConnection,
    claim: &Claim,
    facts: &Facts,
    publish: P,
) -> Result<Outcome, CompleteError<E>>
where
    E: Send,
    P: FnOnce(Publication) -> F + Send,
    F: Future<Output = Result<(), E>> + Send,
{
    conn.transaction(async move |conn| {
        let image = lock_image(conn, &claim.image).await?;
        let current = image.filter(|image| image.generation == claim.generation && !image.deleted);
        let Some(image) = current else {
            let fenced = give_up(conn, claim).await? || !done_before(conn, claim).await?;
            return Ok(if fenced { Outcome::Fenced } else { Outcome::AlreadyDone });
        };
        if !open_gate(conn, claim).await? {
            return Ok(if done_before(conn, claim).await? { Outcome::AlreadyDone } else { Outcome::Fenced });
        }
        if !end_item(conn, claim).await? {
            return Ok(Outcome::Fenced);
        }
        let more = bytes(facts.size) - image.size.unwrap_or(0);
        let room = quota::check_size(conn, claim.image.customer, image.max_size, more).await?;
        room.map_err(CompleteError::OverQuota)?;
        point_image(conn, claim, facts).await?;
        count(conn, claim, facts, &image).await?;
        publish(image.publication()).await.map_err(CompleteError::Publish)?;
        Ok(Outcome::Done)
    })
    .await
}

/// An image under its lock.
#[derive(QueryableByName)]
pub(super) struct Locked {
    #[diesel(sql_type = BigInt)]
    pub generation: i64,
    #[diesel(sql_type = diesel::sql_types::Bool)]
    pub deleted: bool,
    /// Whether its bytes can be had again from an origin.
    #[diesel(sql_type = diesel::sql_types::Bool)]
    pub fetchable: bool,
    #[diesel(sql_type = BigInt)]
    pub batch: i64,
    #[diesel(sql_type = Integer)]
    pub ordinal: i32,
    #[diesel(sql_type = Integer)]
    pub max_unauthorised: i32,
    #[diesel(sql_type = Array<Text>)]
    pub roles: Vec<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub size: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    pub thumbnail_size: Option<i64>,
    /// What the customer may store.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub max_size: Option<i64>,
    #[diesel(sql_type = Timestamptz)]
    pub now: DateTime<Utc>,
}

impl Locked {
    fn publication(self) -> Publication {
        Publication { max_unauthorised: self.max_unauthorised, roles: self.roles, modified: self.now }
    }
}

pub(super) async fn lock_image(conn: &mut AsyncPgConnection, image: &ImageKey) -> QueryResult<Option<Locked>> {
    let sql = "SELECT generation, deleted_at IS NOT NULL AS deleted, origin <> '' AS fetchable, batch, ordinal, \
                   max_unauthorised, roles, size, thumbnail_size, (SELECT max_size FROM customer WHERE id = $1) AS max_size, now() AS now \
               FROM image WHERE customer = $1 AND space = $2 AND id = $3 FOR UPDATE";
    sql_query(sql)
        .bind::<Integer, _>(image.customer.0)
        .bind::<Integer, _>(image.space.0)
        .bind::<Text, _>(image.id.as_str())
        .prepared()
        .get_result(conn)
        .await
        .optional()
}

/// THE gate: whoever removes the lease of a token decides what becomes of the item.
async fn open_gate(conn: &mut AsyncPgConnection, claim: &Claim) -> QueryResult<bool> {
    let sql = "DELETE FROM lease WHERE batch = $1 AND ordinal = $2 AND token = $3";
    let query = sql_query(sql).bind::<BigInt, _>(claim.batch.0).bind::<Integer, _>(claim.ordinal);
    Ok(query.bind::<diesel::sql_types::Uuid, _>(claim.token).prepared().execute(conn).await? > 0)
}

/// Whether the item was ended by this very attempt.
async fn done_before(conn: &mut AsyncPgConnection, claim: &Claim) -> QueryResult<bool> {
    let sql = "SELECT count(*) AS n FROM item \
               WHERE batch = $1 AND ordinal = $2 AND done_token = $3 AND state = 'completed'";
    let query = sql_query(sql).bind::<BigInt, _>(claim.batch.0).bind::<Integer, _>(claim.ordinal);
    let done: Number = query.bind::<diesel::sql_types::Uuid, _>(claim.token).prepared().get_result(conn).await?;
    Ok(done.n > 0)
}

async fn end_item(conn: &mut AsyncPgConnection, claim: &Claim) -> QueryResult<bool> {
    let sql = "UPDATE item SET state = 'completed', done_token = $3, finished = now() \
               WHERE batch = $1 AND ordinal = $2 AND state = 'running' AND stage = 'process'";
    let query = sql_query(sql).bind::<BigInt, _>(claim.batch.0).bind::<Integer, _>(claim.ordinal);
    Ok(query.bind::<diesel::sql_types::Uuid, _>(claim.token).prepared().execute(conn).await? > 0)
}

async fn point_image(conn: &mut AsyncPgConnection, claim: &Claim, facts: &Facts) -> QueryResult<()> {
    let sql = "WITH replaced AS ( \
                   INSERT INTO discarded (token, customer, space, image, generation) \
                   SELECT m.ready_token, m.customer, m.space, m.id, m.ready_generation FROM item i \
                   JOIN image m ON m.customer = i.customer AND m.space = i.space AND m.id = i.image \
                   WHERE i.batch = $1 AND i.ordinal = $2 AND m.ready_token IS NOT NULL) \
               UPDATE image m SET ready_generation = m.generation, ready_token = i.done_token, derivative = $3, \
                   width = $4, height = $5, size = $6, thumbnail_size = $7, media_type = $8, \
                   dequeued = i.dequeued, finished = i.finished, attempts = i.attempts, error = NULL, error_code = NULL \
               FROM item i WHERE i.batch = $1 AND i.ordinal = $2 \
               AND m.customer = i.customer AND m.space = i.space AND m.id = i.image \
               AND m.generation = i.generation AND m.deleted_at IS NULL";
    let rows = sql_query(sql)
        .bind::<BigInt, _>(claim.batch.0)
        .bind::<Integer, _>(claim.ordinal)
        .bind::<Text, _>(&facts.derivative)
        .bind::<Integer, _>(i32::try_from(facts.width).unwrap_or(i32::MAX))
        .bind::<Integer, _>(i32::try_from(facts.height).unwrap_or(i32::MAX))
        .bind::<BigInt, _>(bytes(facts.size))
        .bind::<BigInt, _>(bytes(facts.thumbnail_size))
        .bind::<Text, _>(&facts.media_type)
        .prepared()
        .execute(conn)
        .await?;
    // The image is locked and was just looked at.
    if rows == 1 { Ok(()) } else { Err(diesel::result::Error::NotFound) }
}

async fn count(conn: &mut AsyncPgConnection, claim: &Claim, facts: &Facts, before: &Locked) -> QueryResult<()> {
    let sql = "WITH progress AS ( \
                   INSERT INTO batch_delta (batch, ordinals, completed, worked, started) \
                   SELECT batch, ARRAY[ordinal], 1, 1, dequeued FROM item WHERE batch = $1 AND ordinal = $2) \
               INSERT INTO usage_delta (customer, space, stored, size, thumbnail_size) VALUES ($3, $4, $5, $6, $7)";
    sql_query(sql)
        .bind::<BigInt, _>(claim.batch.0)
        .bind::<Integer, _>(claim.ordinal)
        .bind::<Integer, _>(claim.image.customer.0)
        .bind::<Integer, _>(claim.image.space.0)
        .bind::<BigInt, _>(i64::from(before.size.is_none()))
        .bind::<BigInt, _>(bytes(facts.size) - before.size.unwrap_or(0))
        .bind::<BigInt, _>(bytes(facts.thumbnail_size) - before.thumbnail_size.unwrap_or(0))
        .prepared()
        .execute(conn)
        .await?;
    Ok(())
}

fn bytes(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
