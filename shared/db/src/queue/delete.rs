//! Deleting an image. Its row stays as a tombstone that remembers the generation, so that nothing still on its way can
//! bring it back.

use diesel::sql_types::{Array, BigInt, Integer, Text};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_messages::Event;
use dlcs_model::{CustomerId, FailureCode, ImageId, ImageKey, SpaceId};

use super::close::{Places, close};
use super::complete::{Locked, lock_image};
use super::{Tie, untie};
use crate::image::{self, Image};
use crate::sql::{Prepare, Word};
use crate::{Condition, DbError, outbox};

/// What becomes of the registrations of deleted images.
const DELETED: &str = "the image was deleted";

/// An image could not be deleted; nothing was changed in the database.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError<E> {
    /// Its descriptor could not be removed.
    #[error("cannot withdraw: {0}")]
    Withdraw(E),
    /// The caller's condition does not hold.
    #[error("the condition does not hold")]
    Refused,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl<E> From<diesel::result::Error> for DeleteError<E> {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl<E> Tie for DeleteError<E> {
    fn is_tie(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_tie())
    }
}

/// Deletes an image, if `condition` holds of it, and ends its registration if that is open. `withdraw` makes the future that removes the image's
/// descriptor; it runs under the image's lock before the commit and may run more than once. `false` if there is no
/// such image.
///
/// # Errors
/// If the descriptor cannot be removed or the database fails.
pub async fn delete_image<E, W, F>(
    conn: &mut AsyncPgConnection,
    key: &ImageKey,
    condition: Condition<'_, Image>,
    withdraw: W,
) -> Result<bool, DeleteError<E>>
where
    E: Send,
    W: Fn() -> F + Send + Sync,
    F: Future<Output = Result<(), E>> + Send,
{
    untie!(
        conn.transaction(async |conn| {
            let Some(image) = lock_image(conn, key).await?.filter(|image| !image.deleted) else { return Ok(false) };
            if !image::get(conn, key).await?.is_some_and(|row| condition(Some(&row))) {
                return Err(DeleteError::Refused);
            }
            let mut place = Places::default();
            place.push(image.batch, image.ordinal);
            close(conn, &place, FailureCode::Deleted, DELETED).await?;
            bury(conn, key, &image).await?;
            let event = Event::ImageChanged { image: key.clone() };
            outbox::put(conn, &event_key(key, image.generation), &event).await?;
            withdraw().await.map_err(DeleteError::Withdraw)?;
            Ok(true)
        })
        .await
    )
}

async fn bury(conn: &mut AsyncPgConnection, key: &ImageKey, image: &Locked) -> QueryResult<()> {
    const SQL: &str = "\
        WITH withdrawn AS ( \
            INSERT INTO discarded (token, customer, space, image, generation) \
            SELECT ready_token, customer, space, id, ready_generation FROM image \
            WHERE customer = $1 AND space = $2 AND id = $3 AND ready_token IS NOT NULL), \
        buried AS ( \
            UPDATE image SET generation = generation + 1, deleted_at = now(), finished = coalesce(finished, now()), \
                ready_generation = NULL, ready_token = NULL, derivative = NULL, width = NULL, height = NULL, \
                size = NULL, thumbnail_size = NULL \
            WHERE customer = $1 AND space = $2 AND id = $3), \
        left_behind AS (INSERT INTO batch_delta (batch, gone) VALUES ($4, 1)) \
        INSERT INTO usage_delta (customer, space, images, stored, size, thumbnail_size) \
        VALUES ($1, $2, -1, $5, $6, $7)";
    sql_query(SQL)
        .bind::<Integer, _>(key.customer.0)
        .bind::<Integer, _>(key.space.0)
        .bind::<Text, _>(key.id.as_str())
        .bind::<BigInt, _>(image.batch)
        .bind::<BigInt, _>(-i64::from(image.size.is_some()))
        .bind::<BigInt, _>(-image.size.unwrap_or(0))
        .bind::<BigInt, _>(-image.thumbnail_size.unwrap_or(0))
        .prepared()
        .execute(conn)
        .await?;
    Ok(())
}

/// Deletes those of the images that exist, all at once; how many. Their descriptors are due to be withdrawn after the
/// commit: see [`super::follow`].
///
/// # Errors
/// If the database fails; nothing was deleted then.
pub async fn delete_images(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    names: &[(SpaceId, ImageId)],
) -> Result<Vec<ImageKey>, DbError> {
    untie!(conn.transaction(async |conn| bury_all(conn, customer, names).await).await)
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = Integer, deserialize_as = i32)]
    space: SpaceId,
    #[diesel(sql_type = Text, deserialize_as = Word<ImageId>)]
    id: ImageId,
    #[diesel(sql_type = BigInt)]
    generation: i64,
    #[diesel(sql_type = BigInt)]
    batch: i64,
    #[diesel(sql_type = Integer)]
    ordinal: i32,
}

const HOLD: &str = "\
    SELECT i.space, i.id, i.generation, i.batch, i.ordinal FROM unnest($2::integer[], $3::text[]) AS p (space, id) \
    JOIN image i ON i.customer = $1 AND i.space = p.space AND i.id = p.id WHERE i.deleted_at IS NULL \
    ORDER BY i.space, i.id FOR UPDATE OF i";

const BURY: &str = "\
    WITH known AS ( \
        SELECT i.customer, i.space, i.id, i.batch, i.size, i.thumbnail_size, i.ready_generation, i.ready_token \
        FROM unnest($2::integer[], $3::text[]) AS p (space, id) \
        JOIN image i ON i.customer = $1 AND i.space = p.space AND i.id = p.id), \
    buried AS ( \
        UPDATE image i SET generation = i.generation + 1, deleted_at = now(), finished = coalesce(i.finished, now()), \
            ready_generation = NULL, ready_token = NULL, derivative = NULL, width = NULL, height = NULL, \
            size = NULL, thumbnail_size = NULL \
        FROM known k WHERE i.customer = k.customer AND i.space = k.space AND i.id = k.id), \
    left_behind AS (INSERT INTO batch_delta (batch, gone) SELECT batch, count(*) FROM known GROUP BY batch), \
    withdrawn AS ( \
        INSERT INTO discarded (token, customer, space, image, generation) \
        SELECT ready_token, customer, space, id, ready_generation FROM known WHERE ready_token IS NOT NULL), \
    due AS ( \
        INSERT INTO descriptor_due (customer, space, image) \
        SELECT customer, space, id FROM known WHERE size IS NOT NULL ON CONFLICT DO NOTHING) \
    INSERT INTO usage_delta (customer, space, images, stored, size, thumbnail_size) \
    SELECT customer, space, -count(*), -count(size), -coalesce(sum(size), 0), -coalesce(sum(thumbnail_size), 0) \
    FROM known GROUP BY customer, space";

async fn bury_all(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    names: &[(SpaceId, ImageId)],
) -> Result<Vec<ImageKey>, DbError> {
    let (spaces, ids): (Vec<i32>, Vec<&str>) = names.iter().map(|(space, id)| (space.0, id.as_str())).unzip();
    let hold = sql_query(HOLD).bind::<Integer, _>(customer.0).bind::<Array<Integer>, _>(spaces);
    let held: Vec<Held> = hold.bind::<Array<Text>, _>(ids).prepared().get_results(conn).await?;
    if held.is_empty() {
        return Ok(Vec::new());
    }
    let mut places = Places::default();
    held.iter().for_each(|image| places.push(image.batch, image.ordinal));
    close(conn, &places, FailureCode::Deleted, DELETED).await?;
    let (spaces, ids): (Vec<i32>, Vec<&str>) = held.iter().map(|image| (image.space.0, image.id.as_str())).unzip();
    let bury = sql_query(BURY).bind::<Integer, _>(customer.0).bind::<Array<Integer>, _>(spaces);
    bury.bind::<Array<Text>, _>(ids).prepared().execute(conn).await?;
    let (mut keys, mut events) = (Vec::with_capacity(held.len()), Vec::with_capacity(held.len()));
    for Held { space, id, generation, .. } in held {
        let key = ImageKey { customer, space, id };
        events.push((event_key(&key, generation), Event::ImageChanged { image: key.clone() }));
        keys.push(key);
    }
    outbox::put_all(conn, &events).await?;
    Ok(keys)
}

fn event_key(key: &ImageKey, generation: i64) -> String {
    format!("image-changed/{key}/{generation}")
}
