//! Accepting a registration: batch, items and image generations in one transaction. After its commit it cannot be lost.

mod images;
mod request;

use std::collections::{BTreeSet, HashMap};

use diesel::sql_types::{Array, BigInt, Binary, Bool, Integer, Nullable, Text};
use diesel::{OptionalExtension, QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_messages::Hint;
use dlcs_model::{BatchId, CustomerId, FailureCode, Stage};
use serde::Serialize;

use images::{Upserted, merge_images, upsert_images};
pub use request::{AcceptError, Accepted, Idempotency, Member, NewBatch, NewImage, Resettable};

use super::close::{Places, close};
use super::{OverQuota, Staged, Tie, quota, turn, untie};
use crate::image::{self, Image};
use crate::queue::{DISPATCH_SECONDS, Dispatched};
use crate::sql::{Number, Prepare};
use crate::{Condition, DbError};

impl From<diesel::result::Error> for AcceptError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

impl From<OverQuota> for AcceptError {
    fn from(error: OverQuota) -> Self {
        Self::OverQuota(error)
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
    accept_if(conn, new, None).await
}

/// The same, if `condition` holds of each image as it was, under its lock.
///
/// # Errors
/// See [`AcceptError`]; nothing is stored then.
pub async fn accept_if(
    conn: &mut AsyncPgConnection,
    new: &NewBatch,
    condition: Option<Condition<'_, Image>>,
) -> Result<Accepted, AcceptError> {
    check_members(&new.members)?;
    untie!(conn.transaction(async |conn| transact(conn, new, condition).await).await)
}

/// Members that are written by one statement: Postgres, its protocol and we have each their text in memory meanwhile.
const CHUNK: usize = 1000;

/// A member as [`super::fields::members`] reads it.
#[derive(Serialize)]
struct Numbered<'a> {
    ordinal: usize,
    #[serde(flatten)]
    image: &'a NewImage,
}

/// The text of some members.
fn write(members: &[NewImage], ordinals: &[usize]) -> Result<String, DbError> {
    let numbered: Vec<_> = ordinals.iter().map(|&ordinal| Numbered { ordinal, image: &members[ordinal] }).collect();
    serde_json::to_string(&numbered).map_err(|error| DbError::Query(serialization(error)))
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

/// Accepts within the caller's transaction.
pub(super) async fn transact(
    conn: &mut AsyncPgConnection,
    new: &NewBatch,
    condition: Option<Condition<'_, Image>>,
) -> Result<Accepted, AcceptError> {
    let batch = number_batch(conn, new).await?;
    lock_spaces(conn, new).await?;
    // In the order of keys, within statements and from one to the next.
    let mut order: Vec<usize> = (0..new.members.len()).collect();
    order.sort_unstable_by_key(|&i| (new.members[i].space, new.members[i].id.as_str()));
    let mut upserted = Vec::with_capacity(order.len());
    for some in order.chunks(CHUNK) {
        upserted.extend(upsert_images(conn, new, batch, &write(&new.members, some)?).await?);
    }
    let images = by_ordinal(&upserted, &new.members)?;
    check_images(new, &images)?;
    if let Some(condition) = condition {
        check_condition(conn, new, &images, condition).await?;
    }
    order.retain(|&i| !images[i].inserted);
    for some in order.chunks(CHUNK) {
        merge_images(conn, new, batch, &write(&new.members, some)?).await?;
    }
    if !order.is_empty() {
        supersede(conn, &images).await?;
    }
    insert_batch(conn, new, batch).await?;
    insert_items(conn, new, batch, &images).await?;
    stage_uploads(conn, new, batch).await?;
    count_images(conn, new.customer, &images).await?;
    let hints = hand_out(conn, new, batch, &images).await?;
    if images.iter().any(|image| image.is_new()) {
        quota::check(conn, new.customer).await??;
    }
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
    refuse(ordinals().filter(lacks).collect(), AcceptError::MissingOrigins)?;
    let bare = |&i: &usize| new.members[i].origin.is_none() && images[i].bare;
    refuse(ordinals().filter(bare).collect(), AcceptError::BytesOnly)
}

/// Shows the images to the caller as they were: so far only their generation has moved, which is not shown.
async fn check_condition(
    conn: &mut AsyncPgConnection,
    new: &NewBatch,
    images: &[&Upserted],
    condition: Condition<'_, Image>,
) -> Result<(), AcceptError> {
    let known = new.members.iter().zip(images).filter(|(_, image)| !image.is_new());
    let known: Vec<_> = known.map(|(member, _)| (member.space, &member.id)).collect();
    let rows = image::named(conn, new.customer, &known).await?;
    let holds = (known.len() == images.len() || condition(None)) && rows.iter().all(|row| condition(Some(row)));
    if holds { Ok(()) } else { Err(AcceptError::Refused) }
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

/// The empty delta tells whoever follows the customer's queue that there is a new batch.
async fn insert_batch(conn: &mut AsyncPgConnection, new: &NewBatch, batch: BatchId) -> QueryResult<()> {
    let sql = "WITH told AS (INSERT INTO batch_delta (batch) SELECT $1 WHERE NOT $5) \
               INSERT INTO batch (id, customer, lane, label, immediate, count) VALUES ($1, $2, $3, $4, $5, $6)";
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

/// Items whose bytes are in the store already begin with processing.
async fn stage_uploads(conn: &mut AsyncPgConnection, new: &NewBatch, batch: BatchId) -> QueryResult<()> {
    let sql = "UPDATE item SET stage = $3, staging = $4, staged_size = $5, staged_sha256 = $6, staged_media_type = $7 \
               WHERE batch = $1 AND ordinal = $2";
    for (ordinal, member) in (0..).zip(&new.members) {
        let Some(Staged { key, bytes, sha256, media_type }) = &member.upload else { continue };
        sql_query(sql)
            .bind::<BigInt, _>(batch.0)
            .bind::<Integer, _>(ordinal)
            .bind::<Text, _>(member.stage().as_str())
            .bind::<Text, _>(key)
            .bind::<BigInt, _>(i64::try_from(*bytes).unwrap_or(i64::MAX))
            .bind::<Binary, _>(sha256)
            .bind::<Nullable<Text>, _>(media_type)
            .prepared()
            .execute(conn)
            .await?;
    }
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
        for stage in [Stage::Fetch, Stage::Process] {
            if new.members.iter().any(|member| member.stage() == stage) {
                turn::announce(conn, new.customer, stage, new.lane, None).await?;
            }
        }
        return Ok(Vec::new());
    }
    let sql = "INSERT INTO dispatch (batch, ordinal, stage, lane, until) \
               SELECT batch, ordinal, stage, lane, now() + make_interval(secs => $2) FROM item WHERE batch = $1";
    let query =
        sql_query(sql).bind::<BigInt, _>(batch.0).bind::<diesel::sql_types::Double, _>(f64::from(DISPATCH_SECONDS));
    query.prepared().execute(conn).await?;
    let hint = |((ordinal, image), member): ((i32, &&Upserted), &NewImage)| Dispatched {
        lane: new.lane,
        hint: Hint { batch, ordinal, generation: image.generation, stage: member.stage() },
    };
    Ok((0..).zip(images).zip(&new.members).map(hint).collect())
}
