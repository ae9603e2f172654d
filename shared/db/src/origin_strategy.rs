//! How customers' images are fetched from certain origins. Credentials come here sealed and leave sealed.

use chrono::{DateTime, Utc};
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text, Timestamptz};
use diesel::{OptionalExtension, QueryResult, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_model::{CustomerId, OriginStrategy, Unordered};
use dlcs_vault::Sealed;
use uuid::Uuid;

use crate::page::{Column, Kind, Listing, Slice, Walk};
use crate::sql::{Number, Prepare, Word};
use crate::statement::{Bind, Statement};
use crate::{Condition, DbError};

/// Strategies that one customer may have: all are looked at for each fetch.
pub const MAX_STRATEGIES: i64 = 200;

/// A strategy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strategy {
    /// Its name in the system.
    pub id: Uuid,
    /// Whose.
    pub customer: CustomerId,
    /// What it says.
    pub fields: StrategyFields,
    /// When it was created.
    pub created: DateTime<Utc>,
}

/// What a strategy says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StrategyFields {
    /// Which origins it is for.
    pub regex: String,
    /// How they are talked to.
    pub strategy: OriginStrategy,
    /// Of several that match, the one with the lowest applies.
    pub order: i32,
    /// Its credentials.
    pub credentials: Option<Sealed>,
}

impl Strategy {
    /// What its credentials are sealed for.
    #[must_use]
    pub fn place(customer: CustomerId, id: Uuid) -> String {
        format!("customer {customer}, origin strategy {id}")
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    id: Uuid,
    #[diesel(sql_type = Integer, deserialize_as = i32)]
    customer: CustomerId,
    #[diesel(sql_type = Text)]
    regex: String,
    #[diesel(sql_type = Text, deserialize_as = Word<OriginStrategy>)]
    strategy: OriginStrategy,
    #[diesel(sql_type = Integer)]
    sort_order: i32,
    #[diesel(sql_type = Timestamptz)]
    created: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Text>)]
    key_id: Option<String>,
    #[diesel(sql_type = Nullable<Binary>)]
    wrapped_key: Option<Vec<u8>>,
    #[diesel(sql_type = Nullable<Binary>)]
    secret: Option<Vec<u8>>,
}

impl From<Row> for Strategy {
    fn from(row: Row) -> Self {
        let Row { id, customer, regex, strategy, sort_order: order, created, key_id, wrapped_key, secret } = row;
        let credentials = match (key_id, wrapped_key, secret) {
            (Some(key_id), Some(wrapped_key), Some(secret)) => Some(Sealed { key_id, wrapped_key, secret }),
            _ => None,
        };
        Self { id, customer, fields: StrategyFields { regex, strategy, order, credentials }, created }
    }
}

/// A strategy could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteStrategyError {
    /// The customer has [`MAX_STRATEGIES`].
    #[error("too many strategies")]
    TooMany,
    /// There is no such strategy.
    #[error("no such strategy")]
    Unknown,
    /// The caller's condition does not hold.
    #[error("the condition does not hold")]
    Refused,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for WriteStrategyError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Db(error.into())
    }
}

const COLUMNS: &str = "id, customer, regex, strategy, sort_order, created, key_id, wrapped_key, secret";

/// Creates a strategy under a name that the caller has chosen, and sealed its credentials for.
///
/// # Errors
/// See [`WriteStrategyError`].
pub async fn create(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    id: Uuid,
    fields: &StrategyFields,
) -> Result<Strategy, WriteStrategyError> {
    const HOLD: &str = "SELECT 1 FROM customer WHERE id = $1 FOR NO KEY UPDATE";
    let insert = format!(
        "INSERT INTO origin_strategy (id, customer, regex, strategy, sort_order, key_id, wrapped_key, secret) \
         VALUES ($2, $1, $3, $4, $5, $6, $7, $8) RETURNING {COLUMNS}"
    );
    conn.transaction(async |conn| {
        sql_query(HOLD).bind::<Integer, _>(customer.0).prepared().execute(conn).await?;
        if count(conn, customer).await? >= MAX_STRATEGIES {
            return Err(WriteStrategyError::TooMany);
        }
        Ok(write(conn, &insert, customer, id, fields).await?)
    })
    .await
}

async fn write(
    conn: &mut AsyncPgConnection,
    sql: &str,
    customer: CustomerId,
    id: Uuid,
    fields: &StrategyFields,
) -> QueryResult<Strategy> {
    let StrategyFields { regex, strategy, order, credentials } = fields;
    let sealed = credentials.as_ref();
    let row: Row = sql_query(sql)
        .bind::<Integer, _>(customer.0)
        .bind::<diesel::sql_types::Uuid, _>(id)
        .bind::<Text, _>(regex)
        .bind::<Text, _>(strategy.as_str())
        .bind::<Integer, _>(order)
        .bind::<Nullable<Text>, _>(sealed.map(|sealed| &sealed.key_id))
        .bind::<Nullable<Binary>, _>(sealed.map(|sealed| &sealed.wrapped_key))
        .bind::<Nullable<Binary>, _>(sealed.map(|sealed| &sealed.secret))
        .prepared()
        .get_result(conn)
        .await?;
    Ok(row.into())
}

/// A customer's strategy.
///
/// # Errors
/// If the database fails.
pub async fn get(conn: &mut AsyncPgConnection, customer: CustomerId, id: Uuid) -> Result<Option<Strategy>, DbError> {
    Ok(find(conn, customer, id, "").await?)
}

async fn find(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    id: Uuid,
    lock: &str,
) -> QueryResult<Option<Strategy>> {
    let query = sql_query(format!("SELECT {COLUMNS} FROM origin_strategy WHERE customer = $1 AND id = $2 {lock}"));
    let query = query.bind::<Integer, _>(customer.0).bind::<diesel::sql_types::Uuid, _>(id);
    Ok(query.prepared().get_result::<Row>(conn).await.optional()?.map(Into::into))
}

/// All of a customer's strategies in the order in which they apply.
///
/// # Errors
/// If the database fails.
pub async fn all(conn: &mut AsyncPgConnection, customer: CustomerId) -> Result<Vec<Strategy>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM origin_strategy WHERE customer = $1 ORDER BY sort_order, id");
    let rows: Vec<Row> = sql_query(sql).bind::<Integer, _>(customer.0).prepared().get_results(conn).await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// A customer's strategies, oldest first.
///
/// # Errors
/// If the slice begins at a place of another order, or the database fails.
pub async fn list(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    slice: &Slice<Unordered>,
) -> Result<Listing<Strategy>, DbError> {
    // Ids are given in the order of time.
    let id = Column { sql: "id::text", kind: Kind::Text, of: |row: &Strategy| row.id.to_string().as_str().into() };
    let walk = Walk::new(vec![id], false, slice);
    let mut statement = Statement::new("SELECT * FROM origin_strategy WHERE customer = ");
    statement.bind(Bind::Number(customer.0.into())).push(" ");
    walk.beyond(&mut statement)?;
    walk.sort(&mut statement);
    walk.cut(&mut statement);
    let rows: Vec<Row> = statement.query().load(conn).await?;
    Ok(walk.listing(rows.into_iter().map(Into::into).collect()))
}

/// How many strategies a customer has.
///
/// # Errors
/// If the database fails.
pub async fn count(conn: &mut AsyncPgConnection, customer: CustomerId) -> Result<i64, DbError> {
    let sql = "SELECT count(*) AS n FROM origin_strategy WHERE customer = $1";
    let total: Number = sql_query(sql).bind::<Integer, _>(customer.0).prepared().get_result(conn).await?;
    Ok(total.n)
}

/// Makes a strategy what `merge` makes of it, under its lock.
///
/// # Errors
/// What `merge` says, or see [`WriteStrategyError`]; nothing was changed then.
pub async fn update<E>(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    id: Uuid,
    merge: impl FnOnce(&Strategy) -> Result<StrategyFields, E> + Send,
) -> Result<Strategy, E>
where
    E: From<WriteStrategyError> + From<diesel::result::Error> + Send,
{
    let sql = format!(
        "UPDATE origin_strategy SET regex = $3, strategy = $4, sort_order = $5, key_id = $6, wrapped_key = $7, secret = $8 \
         WHERE customer = $1 AND id = $2 RETURNING {COLUMNS}"
    );
    conn.transaction(async move |conn| {
        let before = find(conn, customer, id, "FOR UPDATE").await?.ok_or(WriteStrategyError::Unknown)?;
        let after = merge(&before)?;
        Ok(write(conn, &sql, customer, id, &after).await?)
    })
    .await
}

/// Deletes a strategy, if `condition` holds of it.
///
/// # Errors
/// See [`WriteStrategyError`]; nothing was changed then.
pub async fn delete(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    id: Uuid,
    condition: Condition<'_, Strategy>,
) -> Result<(), WriteStrategyError> {
    conn.transaction(async |conn| {
        let strategy = find(conn, customer, id, "FOR UPDATE").await?.ok_or(WriteStrategyError::Unknown)?;
        if !condition(Some(&strategy)) {
            return Err(WriteStrategyError::Refused);
        }
        let query = sql_query("DELETE FROM origin_strategy WHERE customer = $1 AND id = $2");
        let query = query.bind::<Integer, _>(customer.0).bind::<diesel::sql_types::Uuid, _>(id);
        query.prepared().execute(conn).await?;
        Ok(())
    })
    .await
}

/// Strategies of all customers, in the order of their ids, whose credentials are under another master key.
///
/// # Errors
/// If the database fails.
pub async fn outdated(
    conn: &mut AsyncPgConnection,
    key_id: &str,
    after: Uuid,
    limit: i64,
) -> Result<Vec<Strategy>, DbError> {
    let sql = format!("SELECT {COLUMNS} FROM origin_strategy WHERE key_id <> $1 AND id > $2 ORDER BY id LIMIT $3");
    let query = sql_query(sql).bind::<Text, _>(key_id).bind::<diesel::sql_types::Uuid, _>(after);
    let rows: Vec<Row> = query.bind::<BigInt, _>(limit).prepared().get_results(conn).await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Replaces sealed credentials, if they are still these. Whether they were.
///
/// # Errors
/// If the database fails.
pub async fn renew(
    conn: &mut AsyncPgConnection,
    (customer, id): (CustomerId, Uuid),
    before: &Sealed,
    after: &Sealed,
) -> Result<bool, DbError> {
    let sql = "UPDATE origin_strategy SET key_id = $4, wrapped_key = $5, secret = $6 \
               WHERE id = $1 AND wrapped_key = $2 AND secret = $3 AND customer = $7";
    let changed = sql_query(sql)
        .bind::<diesel::sql_types::Uuid, _>(id)
        .bind::<Binary, _>(&before.wrapped_key)
        .bind::<Binary, _>(&before.secret)
        .bind::<Text, _>(&after.key_id)
        .bind::<Binary, _>(&after.wrapped_key)
        .bind::<Binary, _>(&after.secret)
        .bind::<Integer, _>(customer.0)
        .prepared()
        .execute(conn)
        .await?;
    Ok(changed > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::condition::always;
    use crate::testing::TestDb;

    fn fields(order: i32, sealed: Option<u8>) -> StrategyFields {
        let seal = |byte: u8| Sealed { key_id: "one".to_owned(), wrapped_key: vec![byte], secret: vec![byte; 3] };
        let regex = format!("ftp://host-{order}/.*");
        StrategyFields { regex, strategy: OriginStrategy::Ftp, order, credentials: sealed.map(seal) }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn strategies_belong_to_their_customer_and_apply_in_order() {
        let test = TestDb::new().await;
        let (owner, other) = (test.customer("a").await, test.customer("b").await);
        let conn = &mut test.conn().await;
        let late = create(conn, owner, Uuid::now_v7(), &fields(5, Some(1))).await.unwrap();
        let early = create(conn, owner, Uuid::now_v7(), &fields(-1, None)).await.unwrap();
        assert_eq!(all(conn, owner).await.unwrap(), [early.clone(), late.clone()]);
        assert_eq!(list(conn, owner, &Slice::first(10)).await.unwrap().rows, [late.clone(), early.clone()]);
        assert_eq!((count(conn, owner).await.unwrap(), count(conn, other).await.unwrap()), (2, 0));
        assert_eq!(get(conn, other, late.id).await.unwrap(), None);
        let theirs = delete(conn, other, late.id, &always).await;
        assert!(matches!(theirs, Err(WriteStrategyError::Unknown)), "{theirs:?}");
        let changed = update(conn, owner, late.id, |before| {
            assert_eq!(before.fields, fields(5, Some(1)));
            Ok::<_, WriteStrategyError>(fields(7, Some(2)))
        });
        assert_eq!(changed.await.unwrap().fields, fields(7, Some(2)));
        let refused = update(conn, owner, late.id, |_| Err(WriteStrategyError::Refused)).await;
        assert!(matches!(refused, Err(WriteStrategyError::Refused)));
        delete(conn, owner, late.id, &always).await.unwrap();
        assert_eq!(all(conn, owner).await.unwrap(), [early]);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn credentials_are_renewed_unless_they_have_changed_meanwhile() {
        let test = TestDb::new().await;
        let owner = test.customer("a").await;
        let conn = &mut test.conn().await;
        let made = create(conn, owner, Uuid::now_v7(), &fields(1, Some(1))).await.unwrap();
        create(conn, owner, Uuid::now_v7(), &fields(2, None)).await.unwrap();
        assert_eq!(outdated(conn, "two", Uuid::nil(), 10).await.unwrap(), std::slice::from_ref(&made));
        assert!(outdated(conn, "one", Uuid::nil(), 10).await.unwrap().is_empty());
        let before = made.fields.credentials.unwrap();
        let after = Sealed { key_id: "two".to_owned(), ..before.clone() };
        let stale = Sealed { secret: vec![9], ..before.clone() };
        assert!(!renew(conn, (owner, made.id), &stale, &after).await.unwrap());
        assert!(renew(conn, (owner, made.id), &before, &after).await.unwrap());
        assert!(outdated(conn, "two", Uuid::nil(), 10).await.unwrap().is_empty());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_customer_has_only_so_many() {
        let test = TestDb::new().await;
        let owner = test.customer("a").await;
        let conn = &mut test.conn().await;
        for order in 0..i32::try_from(MAX_STRATEGIES).unwrap() {
            create(conn, owner, Uuid::now_v7(), &fields(order, None)).await.unwrap();
        }
        let more = create(conn, owner, Uuid::now_v7(), &fields(0, None)).await;
        assert!(matches!(more, Err(WriteStrategyError::TooMany)), "{more:?}");
    }
}
