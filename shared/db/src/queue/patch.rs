//! Changing what is said of images without registering them again.

use std::collections::HashSet;

use diesel::sql_types::{Integer, Text};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_model::{CustomerId, ImageId, SpaceId};

use super::fields::{access_due, assigned, becomes, free_fields, members};
use super::{NewImage, Tie, untie};
use crate::image::{self, Image};
use crate::sql::{Prepare, Word};
use crate::{Condition, DbError};

/// Images were not changed, none of them.
#[derive(Debug, thiserror::Error)]
pub enum PatchError {
    /// Changes of images that do not exist, by position.
    #[error("{} images do not exist", .0.len())]
    Unknown(Vec<usize>),
    /// The caller's condition does not hold.
    #[error("the condition does not hold")]
    Refused,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for PatchError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl Tie for PatchError {
    fn is_tie(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_tie())
    }
}

/// Changes what `changes` say of images, all or none, if `condition` holds of each as it was, under its lock. Their
/// origin and registration stay as they are; so does the media type of what is being served, for that was seen. Gives
/// the images in the order of the changes. Where access changes, the descriptor is noted as due: see [`super::follow`].
///
/// # Errors
/// See [`PatchError`].
pub async fn patch_images(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    changes: &[NewImage],
    condition: Condition<'_, Image>,
) -> Result<Vec<Image>, PatchError> {
    let members = serde_json::to_string(changes).map_err(|e| diesel::result::Error::SerializationError(e.into()))?;
    untie!(conn.transaction(async |conn| transact(conn, customer, changes, &members, condition).await).await)
}

async fn transact(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    changes: &[NewImage],
    members: &str,
    condition: Condition<'_, Image>,
) -> Result<Vec<Image>, PatchError> {
    let known = lock(conn, customer, members).await?;
    let missing: Vec<_> =
        (0..changes.len()).filter(|&i| !known.contains(&(changes[i].space, &changes[i].id))).collect();
    if !missing.is_empty() {
        return Err(PatchError::Unknown(missing));
    }
    let names: Vec<_> = changes.iter().map(|change| (change.space, &change.id)).collect();
    let before = image::named(conn, customer, &names).await?;
    if !before.iter().all(|image| condition(Some(image))) {
        return Err(PatchError::Refused);
    }
    update(conn, customer, members).await?;
    Ok(image::named(conn, customer, &names).await?)
}

/// Locks the images that exist, in the order of their keys.
async fn lock(conn: &mut AsyncPgConnection, customer: CustomerId, members: &str) -> QueryResult<Known> {
    const SQL: &str = concat!(
        "SELECT i.space, i.id FROM ",
        members!(),
        "JOIN image i ON i.customer = $2 AND i.space = m.space AND i.id = m.id WHERE i.deleted_at IS NULL \
         ORDER BY i.space, i.id FOR UPDATE OF i"
    );
    let query = sql_query(SQL).bind::<Text, _>(members).bind::<Integer, _>(customer.0);
    let names: Vec<Name> = query.prepared().get_results(conn).await?;
    Ok(Known(names.into_iter().map(|Name { space, id }| (space, id)).collect()))
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Integer, deserialize_as = i32)]
    space: SpaceId,
    #[diesel(sql_type = Text, deserialize_as = Word<ImageId>)]
    id: ImageId,
}

struct Known(HashSet<(SpaceId, ImageId)>);

impl Known {
    fn contains(&self, (space, id): &(SpaceId, &ImageId)) -> bool {
        self.0.contains(&(*space, (*id).clone()))
    }
}

async fn update(conn: &mut AsyncPgConnection, customer: CustomerId, members: &str) -> QueryResult<()> {
    const SQL: &str = concat!(
        "WITH m AS MATERIALIZED (SELECT * FROM ",
        members!(),
        "), ",
        access_due!(),
        "UPDATE image i SET ",
        free_fields!(),
        assigned!("tags" or "s.default_tags", "roles" or "s.default_roles"),
        "media_type = CASE WHEN i.ready_generation IS NOT NULL THEN i.media_type ELSE ",
        becomes!("media_type" or "NULL"),
        " END FROM m JOIN space s ON s.customer = $2 AND s.id = m.space \
         WHERE i.customer = $2 AND i.space = m.space AND i.id = m.id AND i.deleted_at IS NULL"
    );
    sql_query(SQL).bind::<Text, _>(members).bind::<Integer, _>(customer.0).prepared().execute(conn).await?;
    Ok(())
}
