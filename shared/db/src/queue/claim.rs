//! Taking an item up: a lease with a random token, without which nothing about the item can be changed.

use diesel::sql_types::{Array, BigInt, Binary, Bool, Double, Integer, Nullable, Text};
use diesel::{OptionalExtension, QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_messages::Hint;
use dlcs_model::{BatchId, CustomerId, ImageId, ImageKey, Lane, SpaceId, Stage};
use uuid::Uuid;

use super::LEASE_SECONDS;
use crate::DbError;
use crate::sql::{Prepare, Word};

/// The right to work on an item, and what that takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// The lease. Random, so that no failover can issue it again; also part of the keys of what is derived.
    pub token: Uuid,
    /// The image.
    pub image: ImageKey,
    /// Which registration of it.
    pub generation: i64,
    /// The item's batch.
    pub batch: BatchId,
    /// The item's place in it.
    pub ordinal: i32,
    /// What to do.
    pub stage: Stage,
    /// Through which lane it came.
    pub lane: Lane,
    /// Whether a client waits for it.
    pub immediate: bool,
    /// Where to fetch from: the initial origin until the image was ready once, the origin from then on.
    pub origin: String,
    /// Which try this is, counted from 1; interruptions and our own troubles are not counted.
    pub attempt: u32,
    /// How often a worker was lost while it had this item.
    pub interrupts: u32,
    /// What was fetched; always there in [`Stage::Process`].
    pub staged: Option<Staged>,
    /// Pixels on the long edge that anyone may see; -1 is no limit.
    pub max_unauthorised: i32,
    /// Roles that lift the limit.
    pub roles: Vec<String>,
}

/// Bytes that wait to be processed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// Their key in the object store.
    pub key: String,
    /// How many they are.
    pub bytes: u64,
    /// Their SHA-256.
    pub sha256: Vec<u8>,
    /// What the origin said they are; for the record only.
    pub media_type: Option<String>,
}

#[derive(QueryableByName)]
struct ImageRow {
    #[diesel(sql_type = Integer, deserialize_as = i32)]
    customer: CustomerId,
    #[diesel(sql_type = Integer, deserialize_as = i32)]
    space: SpaceId,
    #[diesel(sql_type = Text, deserialize_as = Word<ImageId>)]
    id: ImageId,
    #[diesel(sql_type = Text)]
    origin: String,
    #[diesel(sql_type = Integer)]
    max_unauthorised: i32,
    #[diesel(sql_type = Array<Text>)]
    roles: Vec<String>,
}

#[derive(QueryableByName)]
struct ItemRow {
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    token: Uuid,
    #[diesel(sql_type = Text, deserialize_as = Word<Lane>)]
    lane: Lane,
    #[diesel(sql_type = Bool)]
    immediate: bool,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Integer)]
    interrupts: i32,
    #[diesel(sql_type = Nullable<Text>)]
    staging: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    staged_size: Option<i64>,
    #[diesel(sql_type = Nullable<Binary>)]
    staged_sha256: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Text>)]
    staged_media_type: Option<String>,
}

/// The share lock makes a newer registration wait, which would otherwise miss the lease that is about to be made.
const IMAGE: &str = "\
    SELECT m.customer, m.space, m.id, m.max_unauthorised, m.roles, \
        CASE WHEN m.ready_generation IS NULL THEN coalesce(m.initial_origin, m.origin) ELSE m.origin END AS origin \
    FROM item i JOIN image m ON m.customer = i.customer AND m.space = i.space AND m.id = i.image \
    WHERE i.batch = $1 AND i.ordinal = $2 AND m.generation = $3 AND m.deleted_at IS NULL \
    FOR SHARE OF m";

const LEASE: &str = "\
    WITH taken AS ( \
        UPDATE item SET state = 'running', dequeued = coalesce(dequeued, now()), \
            attempts = fetch_failures + process_failures + 1 \
        WHERE batch = $1 AND ordinal = $2 AND generation = $3 AND stage = $4 AND state IN ('queued', 'ready') \
        RETURNING batch, ordinal, customer, lane, immediate, attempts, interrupts, staging, staged_size, \
            staged_sha256, staged_media_type), \
    hint AS (DELETE FROM dispatch d USING taken t WHERE d.batch = t.batch AND d.ordinal = t.ordinal), \
    leased AS ( \
        INSERT INTO lease (batch, ordinal, customer, immediate, token, worker, until) \
        SELECT batch, ordinal, customer, immediate, gen_random_uuid(), $5, now() + make_interval(secs => $6) FROM taken \
        RETURNING token) \
    SELECT * FROM leased CROSS JOIN taken";

/// Takes up the item that a hint names. `None` means that there is nothing to do: the hint is a repetition or outdated,
/// or someone else was faster. Acknowledge it then.
///
/// # Errors
/// If the database fails; the hint may be tried again.
pub async fn claim(conn: &mut AsyncPgConnection, hint: &Hint, worker: &str) -> Result<Option<Claim>, DbError> {
    conn.transaction(async |conn| {
        let Some(image) = lock_image(conn, hint).await? else { return Ok(None) };
        let Some(item) = lease_item(conn, hint, worker).await? else { return Ok(None) };
        Ok(Some(assemble(hint, image, item)))
    })
    .await
}

async fn lock_image(conn: &mut AsyncPgConnection, hint: &Hint) -> QueryResult<Option<ImageRow>> {
    sql_query(IMAGE)
        .bind::<BigInt, _>(hint.batch.0)
        .bind::<Integer, _>(hint.ordinal)
        .bind::<BigInt, _>(hint.generation)
        .prepared()
        .get_result(conn)
        .await
        .optional()
}

async fn lease_item(conn: &mut AsyncPgConnection, hint: &Hint, worker: &str) -> QueryResult<Option<ItemRow>> {
    sql_query(LEASE)
        .bind::<BigInt, _>(hint.batch.0)
        .bind::<Integer, _>(hint.ordinal)
        .bind::<BigInt, _>(hint.generation)
        .bind::<Text, _>(hint.stage.as_str())
        .bind::<Text, _>(worker)
        .bind::<Double, _>(f64::from(LEASE_SECONDS))
        .prepared()
        .get_result(conn)
        .await
        .optional()
}

fn assemble(hint: &Hint, image: ImageRow, item: ItemRow) -> Claim {
    let ImageRow { customer, space, id, origin, max_unauthorised, roles } = image;
    let ItemRow {
        token,
        lane,
        immediate,
        attempts,
        interrupts,
        staging,
        staged_size,
        staged_sha256,
        staged_media_type,
    } = item;
    let staged = staging.map(|key| Staged {
        key,
        bytes: staged_size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0),
        sha256: staged_sha256.unwrap_or_default(),
        media_type: staged_media_type,
    });
    let Hint { batch, ordinal, generation, stage } = *hint;
    Claim {
        token,
        image: ImageKey { customer, space, id },
        generation,
        batch,
        ordinal,
        stage,
        lane,
        immediate,
        origin,
        attempt: attempts.unsigned_abs(),
        interrupts: interrupts.unsigned_abs(),
        staged,
        max_unauthorised,
        roles,
    }
}
