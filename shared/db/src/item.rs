//! Items as they are read: what was submitted in a batch, and what became of it there.

pub mod list;

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::{BatchId, CustomerId, FailureCode, ImageId, ItemState, SpaceId, Stage};

use crate::DbError;
use crate::image::Image;
use crate::sql::{Number, Prepare, Word};

pub use list::{Members, Which, count, list};

/// The outcome of an item within its batch.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Outcome {
    /// Its place.
    #[diesel(sql_type = Integer)]
    pub item_ordinal: i32,
    /// Which registration of the image it is.
    #[diesel(sql_type = BigInt)]
    pub item_generation: i64,
    /// In which stage it is, or ended.
    #[diesel(sql_type = Text, deserialize_as = Word<Stage>)]
    pub item_stage: Stage,
    /// How far it has come in that.
    #[diesel(sql_type = Text, deserialize_as = Word<ItemState>)]
    pub item_state: ItemState,
    /// Tries that count.
    #[diesel(sql_type = Integer)]
    pub item_attempts: i32,
    /// When it was submitted.
    #[diesel(sql_type = Timestamptz)]
    pub item_queued: DateTime<Utc>,
    /// When it was first taken up.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub item_dequeued: Option<DateTime<Utc>>,
    /// When it ended.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub item_finished: Option<DateTime<Utc>>,
    /// A [`FailureCode`], if it ended badly.
    #[diesel(sql_type = Nullable<Text>)]
    pub item_error_code: Option<String>,
    /// The sentence that goes with it.
    #[diesel(sql_type = Nullable<Text>)]
    pub item_error: Option<String>,
}

impl Outcome {
    /// Why it ended badly, if it did.
    #[must_use]
    pub fn failure_code(&self) -> Option<FailureCode> {
        self.item_error_code.as_deref().and_then(FailureCode::from_word)
    }
}

/// A submitted image: the image as it is now, and the outcome of this submission.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Asset {
    /// The image as it is now; of a deleted image, its tombstone.
    #[diesel(embed)]
    pub image: Image,
    /// What became of it in the batch at hand.
    #[diesel(embed)]
    pub outcome: Outcome,
}

const OUTCOME: &str = "i.ordinal AS item_ordinal, i.generation AS item_generation, i.stage AS item_stage, \
     i.state AS item_state, i.attempts AS item_attempts, i.queued AS item_queued, i.dequeued AS item_dequeued, \
     i.finished AS item_finished, i.error_code AS item_error_code, i.error AS item_error";

/// The outcome of one item, for whoever waits for it.
///
/// # Errors
/// If the database fails.
pub async fn outcome(conn: &mut AsyncPgConnection, batch: BatchId, ordinal: i32) -> Result<Option<Outcome>, DbError> {
    let query = sql_query(format!("SELECT {OUTCOME} FROM item i WHERE i.batch = $1 AND i.ordinal = $2"));
    let query = query.bind::<BigInt, _>(batch.0).bind::<Integer, _>(ordinal);
    Ok(query.prepared().get_result(conn).await.optional()?)
}

/// Whether any member of a customer's batch has failed.
///
/// # Errors
/// If the database fails.
pub async fn any_failed(conn: &mut AsyncPgConnection, customer: CustomerId, batch: BatchId) -> Result<bool, DbError> {
    let sql = "SELECT count(*) AS n FROM ( \
                   SELECT 1 FROM item WHERE customer = $1 AND batch = $2 AND state = 'error' LIMIT 1) failed";
    let query = sql_query(sql).bind::<Integer, _>(customer.0).bind::<BigInt, _>(batch.0);
    Ok(query.prepared().get_result::<Number>(conn).await?.n > 0)
}

/// The failed members of a customer's batch that nothing newer has taken the place of: what a retry registers again.
/// Their images are locked until the end of the transaction.
///
/// # Errors
/// If the database fails.
pub async fn failed(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    batch: BatchId,
) -> Result<Vec<(SpaceId, ImageId)>, DbError> {
    #[derive(QueryableByName)]
    struct Name {
        #[diesel(sql_type = Integer)]
        ordinal: i32,
        #[diesel(sql_type = Integer, deserialize_as = i32)]
        space: SpaceId,
        #[diesel(sql_type = Text, deserialize_as = Word<ImageId>)]
        image: ImageId,
    }
    let sql = "SELECT i.ordinal, i.space, i.image FROM item i \
               JOIN image m ON m.customer = i.customer AND m.space = i.space AND m.id = i.image \
               WHERE i.customer = $1 AND i.batch = $2 AND i.state = 'error' \
                   AND m.batch = i.batch AND m.ordinal = i.ordinal AND m.deleted_at IS NULL \
               ORDER BY m.space, m.id FOR UPDATE OF m";
    let query = sql_query(sql).bind::<Integer, _>(customer.0).bind::<BigInt, _>(batch.0);
    let mut names: Vec<Name> = query.prepared().load(conn).await?;
    names.sort_by_key(|name| name.ordinal);
    Ok(names.into_iter().map(|Name { ordinal: _, space, image }| (space, image)).collect())
}
