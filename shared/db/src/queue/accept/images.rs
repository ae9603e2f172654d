//! The images of a registration: made if they are new, merged if they exist.

use diesel::sql_types::{BigInt, Bool, Integer, Text};
use diesel::{QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::BatchId;

use super::NewBatch;
use crate::queue::fields::{access_due, assigned, becomes, free_fields, members, united};
use crate::sql::Prepare;

/// An image as the upsert found or made it. Of an image that existed, place and deletion are still the old ones.
#[derive(QueryableByName)]
pub(super) struct Upserted {
    #[diesel(sql_type = Integer)]
    pub space: i32,
    #[diesel(sql_type = Text)]
    pub id: String,
    #[diesel(sql_type = BigInt)]
    pub generation: i64,
    #[diesel(sql_type = Bool)]
    pub inserted: bool,
    #[diesel(sql_type = Bool)]
    pub deleted: bool,
    /// Without an origin: its bytes were sent.
    #[diesel(sql_type = Bool)]
    pub bare: bool,
    #[diesel(sql_type = BigInt)]
    pub batch: i64,
    #[diesel(sql_type = Integer)]
    pub ordinal: i32,
}

impl Upserted {
    /// A deleted image that comes back is a new one.
    pub fn is_new(&self) -> bool {
        self.inserted || self.deleted
    }
}

/// In one pass and in the order of keys, so that two batches with the same images cannot wait for each other.
pub(super) async fn upsert_images(
    conn: &mut AsyncPgConnection,
    new: &NewBatch,
    batch: BatchId,
    members: &str,
) -> QueryResult<Vec<Upserted>> {
    const SQL: &str = concat!(
        "INSERT INTO image AS i (customer, space, id, origin, initial_origin, media_type, string1, string2, string3, \
             number1, number2, number3, tags, roles, max_unauthorised, metadata, batch, ordinal, immediate) \
         SELECT $2, m.space, m.id, coalesce(m.origin, ''), m.initial_origin, m.media_type, coalesce(m.string1, ''), \
             coalesce(m.string2, ''), coalesce(m.string3, ''), coalesce(m.number1, 0), coalesce(m.number2, 0), \
             coalesce(m.number3, 0), ",
        united!("m.tags", "s.default_tags"),
        ", ",
        united!("m.roles", "s.default_roles"),
        ", coalesce(m.max_unauthorised, s.default_max_unauthorised), m.metadata, $3, m.ordinal, $4 FROM ",
        members!(),
        "JOIN space s ON s.customer = $2 AND s.id = m.space \
         ORDER BY m.space, m.id COLLATE \"C\" \
         ON CONFLICT (customer, space, id) DO UPDATE SET generation = i.generation + 1 \
         RETURNING space, id, generation, batch = $3 AS inserted, deleted_at IS NOT NULL AS deleted, origin = '' AS bare, \
             batch, ordinal"
    );
    sql_query(SQL)
        .bind::<Text, _>(members)
        .bind::<Integer, _>(new.customer.0)
        .bind::<BigInt, _>(batch.0)
        .bind::<Bool, _>(new.immediate)
        .prepared()
        .get_results(conn)
        .await
}

/// Gives the images that existed what the members say; those that were deleted begin anew.
pub(super) async fn merge_images(
    conn: &mut AsyncPgConnection,
    new: &NewBatch,
    batch: BatchId,
    members: &str,
) -> QueryResult<()> {
    const SQL: &str = concat!(
        "WITH m AS MATERIALIZED (SELECT * FROM ",
        members!(),
        "), ",
        access_due!(),
        "UPDATE image i SET ",
        free_fields!(),
        assigned!("origin" or "''", "media_type" or "NULL"),
        "tags = CASE WHEN i.deleted_at IS NULL THEN ",
        becomes!("tags" or "s.default_tags"),
        " ELSE ",
        united!("m.tags", "s.default_tags"),
        " END, roles = CASE WHEN i.deleted_at IS NULL THEN ",
        becomes!("roles" or "s.default_roles"),
        " ELSE ",
        united!("m.roles", "s.default_roles"),
        " END, \
         created = CASE WHEN i.deleted_at IS NULL THEN i.created ELSE now() END, \
         deleted_at = NULL, batch = $3, ordinal = m.ordinal, immediate = $4, queued = now(), dequeued = NULL, finished = NULL, \
         error_code = NULL, error = NULL, attempts = 0 \
         FROM m JOIN space s ON s.customer = $2 AND s.id = m.space \
         WHERE i.customer = $2 AND i.space = m.space AND i.id = m.id AND i.batch <> $3"
    );
    sql_query(SQL)
        .bind::<Text, _>(members)
        .bind::<Integer, _>(new.customer.0)
        .bind::<BigInt, _>(batch.0)
        .bind::<Bool, _>(new.immediate)
        .prepared()
        .execute(conn)
        .await?;
    Ok(())
}
