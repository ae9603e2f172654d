//! Deleting an image. Its row stays as a tombstone that remembers the generation, so that nothing still on its way can
//! bring it back.

use diesel::sql_types::{BigInt, Integer, Text};
use diesel::{QueryResult, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_messages::Event;
use dlcs_model::{FailureCode, ImageKey};

use super::close::{Places, close};
use super::complete::{Locked, lock_image};
use super::{Tie, untie};
use crate::sql::Prepare;
use crate::{DbError, outbox};

/// An image could not be deleted; nothing was changed in the database.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError<E> {
    /// Its descriptor could not be removed.
    #[error("cannot withdraw: {0}")]
    Withdraw(E),
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

/// Deletes an image and ends its registration if that is open. `withdraw` makes the future that removes the image's
/// descriptor; it runs under the image's lock before the commit and may run more than once. `false` if there is no
/// such image.
///
/// # Errors
/// If the descriptor cannot be removed or the database fails.
pub async fn delete_image<E, W, F>(
    conn: &mut AsyncPgConnection,
    key: &ImageKey,
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
            let mut place = Places::default();
            place.push(image.batch, image.ordinal);
            close(conn, &place, FailureCode::Deleted, "the image was deleted").await?;
            bury(conn, key, &image).await?;
            let event = Event::ImageChanged { image: key.clone() };
            outbox::put(conn, &format!("image-changed/{key}/{}", image.generation), &event).await?;
            withdraw().await.map_err(DeleteError::Withdraw)?;
            Ok(true)
        })
        .await
    )
}

async fn bury(conn: &mut AsyncPgConnection, key: &ImageKey, image: &Locked) -> QueryResult<()> {
    const SQL: &str = "\
        WITH buried AS ( \
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
