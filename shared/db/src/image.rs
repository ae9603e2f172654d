//! Images as they are read. Writing them is the queue's business.

#[cfg(test)]
mod change_tests;
pub mod list;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::{BatchId, CustomerId, FailureCode, ImageId, ImageKey, SpaceId};

use crate::DbError;
use crate::sql::{Prepare, Word};

pub use list::{Within, count, list};

/// What stands in an order for a time that has not come, as `coalesce(…, '9999-12-31 00:00:00+00')` does in SQL.
pub(crate) const NEVER: DateTime<Utc> = match DateTime::from_timestamp_micros(NEVER_MICROS) {
    Some(time) => time,
    None => DateTime::<Utc>::MAX_UTC,
};
pub(crate) const NEVER_MICROS: i64 = 253_402_214_400_000_000;

/// An image.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
#[expect(missing_docs, reason = "the fields of the API's Image under the same names; the others have docs")]
pub struct Image {
    #[diesel(sql_type = Integer, deserialize_as = i32)]
    pub customer: CustomerId,
    #[diesel(sql_type = Integer, deserialize_as = i32)]
    pub space: SpaceId,
    #[diesel(sql_type = Text, deserialize_as = Word<ImageId>)]
    pub id: ImageId,
    /// Its place in the order of registration.
    #[diesel(sql_type = BigInt)]
    pub serial: i64,
    /// Counts registrations and deletions.
    #[diesel(sql_type = BigInt)]
    pub generation: i64,
    #[diesel(sql_type = Text)]
    pub origin: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub initial_origin: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub media_type: Option<String>,
    #[diesel(sql_type = Text)]
    pub string1: String,
    #[diesel(sql_type = Text)]
    pub string2: String,
    #[diesel(sql_type = Text)]
    pub string3: String,
    #[diesel(sql_type = BigInt)]
    pub number1: i64,
    #[diesel(sql_type = BigInt)]
    pub number2: i64,
    #[diesel(sql_type = BigInt)]
    pub number3: i64,
    #[diesel(sql_type = Array<Text>)]
    pub tags: Vec<String>,
    #[diesel(sql_type = Array<Text>)]
    pub roles: Vec<String>,
    #[diesel(sql_type = Integer)]
    pub max_unauthorised: i32,
    #[diesel(sql_type = Nullable<Jsonb>)]
    pub metadata: Option<serde_json::Value>,
    #[diesel(sql_type = Timestamptz)]
    pub created: DateTime<Utc>,
    /// The batch of the newest registration, also of an immediate one.
    #[diesel(sql_type = BigInt, deserialize_as = i64)]
    pub batch: BatchId,
    /// Its place in that.
    #[diesel(sql_type = Integer)]
    pub ordinal: i32,
    /// Whether the newest registration was immediate; its batch is not to be shown then.
    #[diesel(sql_type = Bool)]
    pub immediate: bool,
    #[diesel(sql_type = Timestamptz)]
    pub queued: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub dequeued: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub finished: Option<DateTime<Utc>>,
    /// A [`FailureCode`], if the newest registration ended badly.
    #[diesel(sql_type = Nullable<Text>)]
    pub error_code: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub error: Option<String>,
    #[diesel(sql_type = Integer)]
    pub attempts: i32,
    /// Which registration is being served; absent if none.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub ready_generation: Option<i64>,
    /// The key of what is being served.
    #[diesel(sql_type = Nullable<Text>)]
    pub derivative: Option<String>,
    #[diesel(sql_type = Nullable<Integer>)]
    pub width: Option<i32>,
    #[diesel(sql_type = Nullable<Integer>)]
    pub height: Option<i32>,
    /// Bytes of the derivative.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub size: Option<i64>,
    /// Bytes of the thumbnails.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub thumbnail_size: Option<i64>,
}

impl Image {
    /// Whether its newest registration is still on its way.
    #[must_use]
    pub fn ingesting(&self) -> bool {
        self.finished.is_none()
    }

    /// Why its newest registration ended badly, if it did.
    #[must_use]
    pub fn failure_code(&self) -> Option<FailureCode> {
        self.error_code.as_deref().and_then(FailureCode::from_word)
    }

    /// Its name in the system.
    #[must_use]
    pub fn key(&self) -> ImageKey {
        ImageKey { customer: self.customer, space: self.space, id: self.id.clone() }
    }
}

/// The columns of [`Image`], from `image m` and, for what moves while it is on its way, its newest `item now`.
pub(crate) const COLUMNS: &str = "m.customer, m.space, m.id, m.serial, m.generation, m.origin, m.initial_origin, m.media_type, \
     m.string1, m.string2, m.string3, m.number1, m.number2, m.number3, m.tags, m.roles, m.max_unauthorised, m.metadata, \
     m.created, m.batch, m.ordinal, m.immediate, m.queued, coalesce(m.dequeued, now.dequeued) AS dequeued, m.finished, \
     m.error_code, m.error, greatest(m.attempts, now.attempts) AS attempts, m.ready_generation, m.derivative, m.width, \
     m.height, m.size, m.thumbnail_size";

const TABLES: &str = "image m LEFT JOIN item now ON now.batch = m.batch AND now.ordinal = m.ordinal";

/// An image that is not deleted.
///
/// # Errors
/// If the database fails.
pub async fn get(conn: &mut AsyncPgConnection, key: &ImageKey) -> Result<Option<Image>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM {TABLES} \
         WHERE m.customer = $1 AND m.space = $2 AND m.id = $3 AND m.deleted_at IS NULL"
    );
    let query = sql_query(sql).bind::<Integer, _>(key.customer.0).bind::<Integer, _>(key.space.0);
    Ok(query.bind::<Text, _>(key.id.as_str()).prepared().get_result(conn).await.optional()?)
}

/// Those of a customer's images that exist, in the order in which they are named.
///
/// # Errors
/// If the database fails.
pub async fn named(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    names: &[(SpaceId, &ImageId)],
) -> Result<Vec<Image>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM unnest($2::integer[], $3::text[]) WITH ORDINALITY AS p (space, id, n) \
         JOIN image m ON m.customer = $1 AND m.space = p.space AND m.id = p.id \
         LEFT JOIN item now ON now.batch = m.batch AND now.ordinal = m.ordinal WHERE m.deleted_at IS NULL ORDER BY p.n"
    );
    let (spaces, ids): (Vec<i32>, Vec<&str>) = names.iter().map(|(space, id)| (space.0, id.as_str())).unzip();
    let query = sql_query(sql).bind::<Integer, _>(customer.0).bind::<Array<Integer>, _>(spaces);
    Ok(query.bind::<Array<Text>, _>(ids).prepared().load(conn).await?)
}
