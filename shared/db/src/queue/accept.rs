//! Accepting a registration: batch, items and image generations in one transaction. After its commit it cannot be lost.

use std::collections::{BTreeSet, HashMap};

use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text};
use diesel::{OptionalExtension, QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_messages::Hint;
use dlcs_model::{BatchId, CustomerId, FailureCode, ImageId, Lane, SpaceId, Stage};
use serde::Serialize;

use super::close::{Places, close};
use super::{Tie, turn, untie};
use crate::DbError;
use crate::queue::{DISPATCH_SECONDS, Dispatched};
use crate::sql::{Number, Prepare};

/// An image to register. What is `None` keeps its value if the image exists, or has the default (of the space or of
/// the API) if it is new.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[expect(missing_docs, reason = "the fields of the API's Image, under the same names")]
pub struct NewImage {
    pub space: SpaceId,
    pub id: ImageId,
    pub origin: Option<String>,
    pub initial_origin: Option<String>,
    pub media_type: Option<String>,
    pub string1: Option<String>,
    pub string2: Option<String>,
    pub string3: Option<String>,
    pub number1: Option<i64>,
    pub number2: Option<i64>,
    pub number3: Option<i64>,
    pub tags: Option<Vec<String>>,
    pub roles: Option<Vec<String>>,
    pub max_unauthorised: Option<i32>,
    pub metadata: Option<serde_json::Value>,
}

impl NewImage {
    /// An image of which only its name is said: a known one is registered again as it is.
    #[must_use]
    pub fn named(space: SpaceId, id: ImageId) -> Self {
        Self {
            space,
            id,
            origin: None,
            initial_origin: None,
            media_type: None,
            string1: None,
            string2: None,
            string3: None,
            number1: None,
            number2: None,
            number3: None,
            tags: None,
            roles: None,
            max_unauthorised: None,
            metadata: None,
        }
    }
}

/// What makes a repeated request recognisable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idempotency {
    /// The client's key.
    pub key: String,
    /// A hash of the request.
    pub request_hash: Vec<u8>,
}

/// A registration of one or more images. No two members name the same image.
#[derive(Debug, Clone)]
pub struct NewBatch {
    /// Who registers.
    pub customer: CustomerId,
    /// Which way through the queues.
    pub lane: Lane,
    /// The client's name for it.
    pub label: Option<String>,
    /// A single registration that someone waits for: hidden from listings, its hint is given out by this very call.
    pub immediate: bool,
    /// Refuse images that exist.
    pub only_new: bool,
    /// The images; at least one.
    pub members: Vec<NewImage>,
    /// For requests that may come again.
    pub idempotency: Option<Idempotency>,
}

/// One accepted member; its index is its ordinal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The image's space.
    pub space: SpaceId,
    /// The image.
    pub id: ImageId,
    /// Which registration of it this is.
    pub generation: i64,
    /// Whether the image did not exist before.
    pub created: bool,
}

/// A registration that is durable now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The batch.
    pub batch: BatchId,
    /// Its members by ordinal.
    pub members: Vec<Member>,
    /// The hints to publish at once; only of an immediate registration.
    pub hints: Vec<Dispatched>,
}

/// A registration was not accepted; nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// Members whose space does not exist, by ordinal.
    #[error("{} members name a space that does not exist", .0.len())]
    UnknownSpaces(Vec<usize>),
    /// New images without an origin, by ordinal.
    #[error("{} new images have no origin", .0.len())]
    MissingOrigins(Vec<usize>),
    /// With [`NewBatch::only_new`]: images that exist, by ordinal.
    #[error("{} images exist", .0.len())]
    Exists(Vec<usize>),
    /// Two members name the same image: the later ones, by ordinal.
    #[error("{} members repeat another", .0.len())]
    Duplicates(Vec<usize>),
    /// No members.
    #[error("no members")]
    Empty,
    /// This very request was accepted before, as this batch.
    #[error("accepted before as batch {0}")]
    Replay(BatchId),
    /// The idempotency key was used for another request.
    #[error("the idempotency key belongs to another request")]
    KeyReused,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for AcceptError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl Tie for AcceptError {
    fn is_tie(&self) -> bool {
        matches!(self, Self::Db(error) if error.is_tie())
    }
}

/// Accepts a registration. Older registrations of the same images that are still open end as superseded, in their own
/// batches. Answer the client only after this has returned.
///
/// # Errors
/// See [`AcceptError`]; nothing is stored then.
pub async fn accept(conn: &mut AsyncPgConnection, new: &NewBatch) -> Result<Accepted, AcceptError> {
    check_members(&new.members)?;
    let numbered: Vec<_> = (0..).zip(&new.members).map(|(ordinal, image)| Numbered { ordinal, image }).collect();
    let members = serde_json::to_string(&numbered).map_err(|e| DbError::Query(serialization(e)))?;
    untie!(conn.transaction(async |conn| transact(conn, new, &members).await).await)
}

/// A member as [`members`] reads it.
#[derive(Serialize)]
struct Numbered<'a> {
    ordinal: i32,
    #[serde(flatten)]
    image: &'a NewImage,
}

fn serialization(error: serde_json::Error) -> diesel::result::Error {
    diesel::result::Error::SerializationError(error.into())
}

fn check_members(members: &[NewImage]) -> Result<(), AcceptError> {
    if members.is_empty() {
        return Err(AcceptError::Empty);
    }
    let mut seen = BTreeSet::new();
    let repeated = (0..members.len()).filter(|&i| !seen.insert((members[i].space, &members[i].id))).collect();
    refuse(repeated, AcceptError::Duplicates)
}

fn refuse(ordinals: Vec<usize>, error: fn(Vec<usize>) -> AcceptError) -> Result<(), AcceptError> {
    if ordinals.is_empty() { Ok(()) } else { Err(error(ordinals)) }
}

async fn transact(conn: &mut AsyncPgConnection, new: &NewBatch, members: &str) -> Result<Accepted, AcceptError> {
    let batch = number_batch(conn, new).await?;
    lock_spaces(conn, new).await?;
    let upserted = upsert_images(conn, new, batch, members).await?;
    let images = by_ordinal(&upserted, &new.members)?;
    check_images(new, &images)?;
    if images.iter().any(|image| !image.inserted) {
        merge_images(conn, new, batch, members).await?;
        supersede(conn, &images).await?;
    }
    insert_batch(conn, new, batch).await?;
    insert_items(conn, new, batch, &images).await?;
    count_images(conn, new.customer, &images).await?;
    let hints = hand_out(conn, new, batch, &images).await?;
    let members = images.iter().zip(&new.members).map(|(image, member)| Member {
        space: member.space,
        id: member.id.clone(),
        generation: image.generation,
        created: image.is_new(),
    });
    Ok(Accepted { batch, members: members.collect(), hints })
}

/// The number of the new batch; with an idempotency key it is bound to that, which makes a concurrent twin wait here.
async fn number_batch(conn: &mut AsyncPgConnection, new: &NewBatch) -> Result<BatchId, AcceptError> {
    const NEXT: &str = "SELECT nextval('batch_id_seq') AS n";
    const FORGET: &str = "DELETE FROM idem WHERE customer = $1 AND key = $2 AND created < now() - interval '24 hours'";
    const BIND: &str = "INSERT INTO idem (customer, key, request_hash, batch) \
                        VALUES ($1, $2, $3, nextval('batch_id_seq')) ON CONFLICT DO NOTHING RETURNING batch AS n";
    const FIND: &str = "SELECT request_hash = $3 AS same, batch FROM idem WHERE customer = $1 AND key = $2";
    let Some(Idempotency { key, request_hash }) = &new.idempotency else {
        return Ok(BatchId(sql_query(NEXT).prepared().get_result::<Number>(conn).await?.n));
    };
    let customer = new.customer.0;
    sql_query(FORGET).bind::<Integer, _>(customer).bind::<Text, _>(key).prepared().execute(conn).await?;
    let bind = sql_query(BIND).bind::<Integer, _>(customer).bind::<Text, _>(key).bind::<Binary, _>(request_hash);
    if let Some(number) = bind.prepared().get_result::<Number>(conn).await.optional()? {
        return Ok(BatchId(number.n));
    }
    let find = sql_query(FIND).bind::<Integer, _>(customer).bind::<Text, _>(key).bind::<Binary, _>(request_hash);
    let earlier: Earlier = find.prepared().get_result(conn).await?;
    Err(if earlier.same { AcceptError::Replay(BatchId(earlier.batch)) } else { AcceptError::KeyReused })
}

#[derive(QueryableByName)]
struct Earlier {
    #[diesel(sql_type = Bool)]
    same: bool,
    #[diesel(sql_type = BigInt)]
    batch: i64,
}

/// Keeps the spaces from being deleted until the commit, without standing in the way of anyone else.
async fn lock_spaces(conn: &mut AsyncPgConnection, new: &NewBatch) -> Result<(), AcceptError> {
    let wanted: BTreeSet<i32> = new.members.iter().map(|member| member.space.0).collect();
    let sql = "SELECT id::bigint AS n FROM space WHERE customer = $1 AND id = ANY($2) ORDER BY id FOR KEY SHARE";
    let query = sql_query(sql).bind::<Integer, _>(new.customer.0);
    let query = query.bind::<Array<Integer>, _>(wanted.iter().copied().collect::<Vec<_>>());
    let found: Vec<Number> = query.prepared().get_results(conn).await?;
    let found: BTreeSet<i64> = found.iter().map(|space| space.n).collect();
    let unknown = |i: &usize| !found.contains(&i64::from(new.members[*i].space.0));
    refuse((0..new.members.len()).filter(unknown).collect(), AcceptError::UnknownSpaces)
}

/// An image as the upsert found or made it. Of an image that existed, place and deletion are still the old ones.
#[derive(QueryableByName)]
struct Upserted {
    #[diesel(sql_type = Integer)]
    space: i32,
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = BigInt)]
    generation: i64,
    #[diesel(sql_type = Bool)]
    inserted: bool,
    #[diesel(sql_type = Bool)]
    deleted: bool,
    #[diesel(sql_type = BigInt)]
    batch: i64,
    #[diesel(sql_type = Integer)]
    ordinal: i32,
}

impl Upserted {
    /// A deleted image that comes back is a new one.
    fn is_new(&self) -> bool {
        self.inserted || self.deleted
    }
}

/// The members, as the columns of a table.
macro_rules! members {
    () => {
        "json_to_recordset($1::json) AS m (ordinal integer, space integer, id text, origin text, initial_origin text, media_type text, \
             string1 text, string2 text, string3 text, number1 bigint, number2 bigint, number3 bigint, \
             tags text[], roles text[], max_unauthorised integer, metadata jsonb) "
    };
}

/// Both texts united, each once, in order of first appearance.
macro_rules! united {
    ($a:literal, $b:literal) => {
        concat!(
            "ARRAY(SELECT t FROM unnest(coalesce(",
            $a,
            ", '{}') || ",
            $b,
            ") WITH ORDINALITY AS u (t, n) GROUP BY t ORDER BY min(n)) "
        )
    };
}

/// In one pass and in the order of keys, so that two batches with the same images cannot wait for each other.
async fn upsert_images(
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
         RETURNING space, id, generation, batch = $3 AS inserted, deleted_at IS NOT NULL AS deleted, batch, ordinal"
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

fn by_ordinal<'a>(upserted: &'a [Upserted], members: &[NewImage]) -> QueryResult<Vec<&'a Upserted>> {
    let places: HashMap<_, _> = upserted.iter().map(|image| ((image.space, image.id.as_str()), image)).collect();
    let find = |member: &NewImage| places.get(&(member.space.0, member.id.as_str())).copied();
    members.iter().map(|member| find(member).ok_or(diesel::result::Error::NotFound)).collect()
}

fn check_images(new: &NewBatch, images: &[&Upserted]) -> Result<(), AcceptError> {
    let ordinals = || 0..images.len();
    if new.only_new {
        refuse(ordinals().filter(|&i| !images[i].is_new()).collect(), AcceptError::Exists)?;
    }
    let lacks = |&i: &usize| new.members[i].origin.is_none() && images[i].is_new();
    refuse(ordinals().filter(lacks).collect(), AcceptError::MissingOrigins)
}

/// Gives the images that existed what the members say; those that were deleted begin anew.
async fn merge_images(conn: &mut AsyncPgConnection, new: &NewBatch, batch: BatchId, members: &str) -> QueryResult<()> {
    macro_rules! merged {
        ($($column:literal or $default:literal),*) => {
            concat!($($column, " = coalesce(m.", $column, ", CASE WHEN i.deleted_at IS NULL THEN i.", $column,
                " ELSE ", $default, " END), "),*)
        };
    }
    const SQL: &str = concat!(
        "UPDATE image i SET ",
        merged!("origin" or "''", "initial_origin" or "NULL", "media_type" or "NULL", "metadata" or "NULL",
            "string1" or "''", "string2" or "''", "string3" or "''", "number1" or "0", "number2" or "0",
            "number3" or "0", "max_unauthorised" or "s.default_max_unauthorised"),
        "tags = CASE WHEN i.deleted_at IS NULL THEN coalesce(m.tags, i.tags) ELSE ",
        united!("m.tags", "s.default_tags"),
        " END, \
         roles = CASE WHEN i.deleted_at IS NULL THEN coalesce(m.roles, i.roles) ELSE ",
        united!("m.roles", "s.default_roles"),
        " END, \
         created = CASE WHEN i.deleted_at IS NULL THEN i.created ELSE now() END, \
         deleted_at = NULL, batch = $3, ordinal = m.ordinal, immediate = $4, queued = now(), dequeued = NULL, finished = NULL, \
         error_code = NULL, error = NULL, attempts = 0 FROM ",
        members!(),
        "JOIN space s ON s.customer = $2 AND s.id = m.space \
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

/// Ends what is still open of the older registrations and notes that they are no longer the latest.
async fn supersede(conn: &mut AsyncPgConnection, images: &[&Upserted]) -> QueryResult<()> {
    let mut older = Places::default();
    for image in images.iter().filter(|image| !image.is_new()) {
        older.push(image.batch, image.ordinal);
    }
    close(conn, &older, FailureCode::Superseded, "a newer registration of the image took its place").await?;
    let sql = "INSERT INTO batch_delta (batch, gone) \
               SELECT batch, count(*) FROM unnest($1::bigint[]) AS p (batch) GROUP BY batch";
    sql_query(sql).bind::<Array<BigInt>, _>(&older.batches).prepared().execute(conn).await?;
    Ok(())
}

async fn insert_batch(conn: &mut AsyncPgConnection, new: &NewBatch, batch: BatchId) -> QueryResult<()> {
    let sql = "INSERT INTO batch (id, customer, lane, label, immediate, count) VALUES ($1, $2, $3, $4, $5, $6)";
    sql_query(sql)
        .bind::<BigInt, _>(batch.0)
        .bind::<Integer, _>(new.customer.0)
        .bind::<Text, _>(new.lane.as_str())
        .bind::<Nullable<Text>, _>(&new.label)
        .bind::<Bool, _>(new.immediate)
        .bind::<Integer, _>(i32::try_from(new.members.len()).unwrap_or(i32::MAX))
        .prepared()
        .execute(conn)
        .await?;
    Ok(())
}

async fn insert_items(
    conn: &mut AsyncPgConnection,
    new: &NewBatch,
    batch: BatchId,
    images: &[&Upserted],
) -> QueryResult<()> {
    // Ordinals are the positions in the arrays, on both sides.
    const SQL: &str = "\
        WITH m AS (SELECT space, id, generation, (n - 1)::integer AS ordinal \
            FROM unnest($6::integer[], $7::text[], $8::bigint[]) WITH ORDINALITY AS u (space, id, generation, n)) \
        INSERT INTO item (batch, ordinal, customer, space, image, generation, immediate, lane, stage, state) \
        SELECT $1, ordinal, $2, space, id, generation, $3, $4, 'fetch', $5 FROM m ORDER BY ordinal";
    let spaces: Vec<_> = images.iter().map(|image| image.space).collect();
    let ids: Vec<_> = images.iter().map(|image| image.id.as_str()).collect();
    let generations: Vec<_> = images.iter().map(|image| image.generation).collect();
    sql_query(SQL)
        .bind::<BigInt, _>(batch.0)
        .bind::<Integer, _>(new.customer.0)
        .bind::<Bool, _>(new.immediate)
        .bind::<Text, _>(new.lane.as_str())
        .bind::<Text, _>(if new.immediate { "queued" } else { "ready" })
        .bind::<Array<Integer>, _>(spaces)
        .bind::<Array<Text>, _>(ids)
        .bind::<Array<BigInt>, _>(generations)
        .prepared()
        .execute(conn)
        .await?;
    Ok(())
}

async fn count_images(conn: &mut AsyncPgConnection, customer: CustomerId, images: &[&Upserted]) -> QueryResult<()> {
    let spaces: Vec<_> = images.iter().filter(|image| image.is_new()).map(|image| image.space).collect();
    if spaces.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO usage_delta (customer, space, images) \
               SELECT $1, space, count(*) FROM unnest($2::integer[]) AS p (space) GROUP BY space";
    let query = sql_query(sql).bind::<Integer, _>(customer.0).bind::<Array<Integer>, _>(spaces);
    query.prepared().execute(conn).await?;
    Ok(())
}

/// An immediate registration is noted as handed out, for the caller publishes its hint; others wait for their turn.
async fn hand_out(
    conn: &mut AsyncPgConnection,
    new: &NewBatch,
    batch: BatchId,
    images: &[&Upserted],
) -> QueryResult<Vec<Dispatched>> {
    if !new.immediate {
        turn::announce(conn, new.customer, Stage::Fetch, new.lane, None).await?;
        return Ok(Vec::new());
    }
    let sql = "INSERT INTO dispatch (batch, ordinal, stage, lane, until) \
               SELECT batch, ordinal, stage, lane, now() + make_interval(secs => $2) FROM item WHERE batch = $1";
    let query =
        sql_query(sql).bind::<BigInt, _>(batch.0).bind::<diesel::sql_types::Double, _>(f64::from(DISPATCH_SECONDS));
    query.prepared().execute(conn).await?;
    let hint = |(ordinal, image): (i32, &&Upserted)| Dispatched {
        lane: new.lane,
        hint: Hint { batch, ordinal, generation: image.generation, stage: Stage::Fetch },
    };
    Ok((0..).zip(images).map(hint).collect())
}
