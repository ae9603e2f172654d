//! API keys. A secret has 256 random bits, so a fast hash of it is as safe as a slow one; only that hash is stored.

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use diesel::sql_types::Text;
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_model::{CustomerId, Unordered};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::page::{Column, Kind, Listing, Slice, Walk};
use crate::schema::{api_key, customer};
use crate::sql::Prepare;
use crate::statement::{Bind, Statement};
use crate::{Condition, DbError};

/// What every secret begins with, so that scanners for leaked secrets can know it.
const SECRET_PREFIX: &str = "dlcs_secret_";

/// A key without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = api_key, check_for_backend(diesel::pg::Pg))]
pub struct ApiKey {
    /// The public half.
    pub key: String,
    /// Whose it is.
    #[diesel(deserialize_as = i32)]
    pub customer: CustomerId,
    /// When it was created.
    pub created: DateTime<Utc>,
    /// When it was last seen, to the minute.
    pub last_used: Option<DateTime<Utc>>,
}

/// A fresh key; the only time its secret is known.
#[derive(Debug)]
pub struct NewApiKey {
    /// The public half.
    pub key: String,
    /// The secret half.
    pub secret: SecretString,
}

/// What is needed to check a caller. Safe to cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// The public half.
    pub key: String,
    /// Whose it is.
    pub customer: CustomerId,
    /// Whether it may do everything.
    pub administrator: bool,
    secret_hash: Vec<u8>,
}

impl Credential {
    /// Whether `secret` is this key's, in a time that says nothing about how much of it is right.
    #[must_use]
    pub fn accepts(&self, secret: &str) -> bool {
        self.secret_hash.ct_eq(&hash(secret)).into()
    }
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

fn random_hex(bytes: usize) -> String {
    (0..bytes).fold(String::with_capacity(bytes * 2), |mut text, _| {
        let _ = write!(text, "{:02x}", rand::random::<u8>());
        text
    })
}

/// Creates a key with a random secret.
///
/// # Errors
/// If there is no such customer or the database fails.
pub async fn create(conn: &mut AsyncPgConnection, customer: CustomerId) -> Result<NewApiKey, DbError> {
    let fresh =
        NewApiKey { key: random_hex(16), secret: SecretString::from(format!("{SECRET_PREFIX}{}", random_hex(32))) };
    put(conn, customer, &fresh.key, &fresh.secret).await?;
    Ok(fresh)
}

/// Stores a key whose secret is chosen elsewhere (the first administrator's comes from the settings); a key of that
/// name that is there already gets the secret and is no longer revoked.
///
/// # Errors
/// If there is no such customer or the database fails.
pub async fn put(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    key: &str,
    secret: &SecretString,
) -> Result<(), DbError> {
    let hash = hash(secret.expose_secret());
    diesel::insert_into(api_key::table)
        .values((api_key::key.eq(key), api_key::customer.eq(customer.0), api_key::secret_hash.eq(&hash[..])))
        .on_conflict(api_key::key)
        .do_update()
        .set((
            api_key::customer.eq(customer.0),
            api_key::secret_hash.eq(&hash[..]),
            api_key::revoked.eq(None::<DateTime<Utc>>),
        ))
        .execute(conn)
        .await?;
    Ok(())
}

/// The credential behind a key that is not revoked.
///
/// # Errors
/// If the database fails.
pub async fn find(conn: &mut AsyncPgConnection, key: &str) -> Result<Option<Credential>, DbError> {
    let row = api_key::table
        .inner_join(customer::table)
        .filter(api_key::key.eq(key))
        .filter(api_key::revoked.is_null())
        .select((api_key::key, api_key::customer, customer::administrator, api_key::secret_hash))
        .first::<(String, i32, bool, Vec<u8>)>(conn)
        .await
        .optional()?;
    Ok(row.map(|(key, customer, administrator, secret_hash)| Credential {
        key,
        customer: CustomerId(customer),
        administrator,
        secret_hash,
    }))
}

/// Notes that a key was used; at most once a minute reaches the row.
///
/// # Errors
/// If the database fails.
pub async fn touch(conn: &mut AsyncPgConnection, key: &str) -> Result<(), DbError> {
    let sql = "UPDATE api_key SET last_used = now() \
               WHERE key = $1 AND (last_used IS NULL OR last_used < now() - interval '1 minute')";
    diesel::sql_query(sql).bind::<Text, _>(key).prepared().execute(conn).await?;
    Ok(())
}

/// A customer's keys, oldest first, revoked ones left out.
///
/// # Errors
/// If the slice begins at a place of another order, or the database fails.
pub async fn list(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    slice: &Slice<Unordered>,
) -> Result<Listing<ApiKey>, DbError> {
    let created = Column { sql: "created", kind: Kind::Time, of: |row: &ApiKey| row.created.into() };
    let key = Column { sql: "key", kind: Kind::Text, of: |row: &ApiKey| row.key.as_str().into() };
    let walk = Walk::new(vec![created, key], false, slice);
    let mut statement = Statement::new("SELECT * FROM api_key WHERE revoked IS NULL AND customer = ");
    statement.bind(Bind::Number(customer.0.into())).push(" ");
    walk.beyond(&mut statement)?;
    walk.sort(&mut statement);
    walk.cut(&mut statement);
    Ok(walk.listing(statement.query().load(conn).await?))
}

/// How many keys a customer has.
///
/// # Errors
/// If the database fails.
pub async fn count(conn: &mut AsyncPgConnection, customer: CustomerId) -> Result<i64, DbError> {
    let keys = api_key::table.filter(api_key::customer.eq(customer.0)).filter(api_key::revoked.is_null());
    Ok(keys.count().get_result(conn).await?)
}

/// One of a customer's keys that is not revoked.
///
/// # Errors
/// If the database fails.
pub async fn get(conn: &mut AsyncPgConnection, customer: CustomerId, key: &str) -> Result<Option<ApiKey>, DbError> {
    let row = api_key::table.find(key).filter(api_key::customer.eq(customer.0)).filter(api_key::revoked.is_null());
    Ok(row.select(ApiKey::as_select()).first(conn).await.optional()?)
}

/// What became of the wish to revoke a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revoked {
    /// It is revoked.
    Done,
    /// The customer has no such key.
    Unknown,
    /// It is the last key of an administrator, who would be locked out.
    Last,
    /// The caller's condition does not hold.
    Refused,
}

/// Revokes a key, if `condition` holds of it.
///
/// # Errors
/// If the database fails.
pub async fn revoke(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    key: &str,
    condition: Condition<'_, ApiKey>,
) -> Result<Revoked, DbError> {
    let owner = customer::table.find(customer.0).select(customer::administrator).for_no_key_update();
    conn.transaction(async |conn| {
        // Held, so that of two last keys only one can go.
        let administrator: Option<bool> = owner.first(conn).await.optional()?;
        let Some(known) = get(conn, customer, key).await? else { return Ok(Revoked::Unknown) };
        if !condition(Some(&known)) {
            return Ok(Revoked::Refused);
        }
        if administrator == Some(true) && count(conn, customer).await? == 1 {
            return Ok(Revoked::Last);
        }
        let row = diesel::update(api_key::table.find(key)).set(api_key::revoked.eq(Utc::now()));
        row.execute(conn).await?;
        Ok(Revoked::Done)
    })
    .await
}
