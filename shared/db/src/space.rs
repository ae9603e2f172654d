//! Spaces: a customer's partitions of images, with their defaults and their sums.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_model::{CustomerId, Order, SpaceField, SpaceId};

use crate::page::{Column, Kind, Listing, Slice, Walk};
use crate::sql::{Number, Prepare};
use crate::statement::{Bind, Statement};
use crate::{Condition, DbError};

/// A space.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct Space {
    /// Whose it is.
    #[diesel(sql_type = Integer, deserialize_as = i32)]
    pub customer: CustomerId,
    /// Its number.
    #[diesel(sql_type = Integer, deserialize_as = i32)]
    pub id: SpaceId,
    /// Its name, unique within the customer.
    #[diesel(sql_type = Text)]
    pub name: String,
    /// Given to each new image besides its own.
    #[diesel(sql_type = Array<Text>)]
    pub default_tags: Vec<String>,
    /// Given to each new image besides its own.
    #[diesel(sql_type = Array<Text>)]
    pub default_roles: Vec<String>,
    /// Given to each new image that says nothing.
    #[diesel(sql_type = Integer)]
    pub default_max_unauthorised: i32,
    /// When it was created.
    #[diesel(sql_type = Timestamptz)]
    pub created: DateTime<Utc>,
    /// How many images it has, exactly.
    #[diesel(sql_type = BigInt)]
    pub images: i64,
    /// How many of them are being served.
    #[diesel(sql_type = BigInt)]
    pub stored: i64,
    /// Bytes of their derivatives.
    #[diesel(sql_type = BigInt)]
    pub size: i64,
    /// Bytes of their thumbnails.
    #[diesel(sql_type = BigInt)]
    pub thumbnail_size: i64,
}

/// What a caller may say of a space; what is absent keeps its value, or has the default in a new space.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SpaceFields {
    /// See [`Space::name`]. A new space needs one.
    pub name: Option<String>,
    /// See [`Space::default_tags`].
    pub default_tags: Option<Vec<String>>,
    /// See [`Space::default_roles`].
    pub default_roles: Option<Vec<String>>,
    /// See [`Space::default_max_unauthorised`].
    pub default_max_unauthorised: Option<i32>,
}

/// A space could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteSpaceError {
    /// Another space of the customer has that name.
    #[error("the name is taken")]
    NameTaken,
    /// A new space was given no name.
    #[error("a new space needs a name")]
    NameMissing,
    /// There is no such customer.
    #[error("no such customer")]
    NoCustomer,
    /// The customer has used up all numbers.
    #[error("no number is left")]
    NoNumber,
    /// The caller's condition does not hold.
    #[error("the condition does not hold")]
    Refused,
    /// The database failed.
    #[error(transparent)]
    Db(DbError),
}

impl From<diesel::result::Error> for WriteSpaceError {
    fn from(error: diesel::result::Error) -> Self {
        match DbError::taken(&error) {
            Some("space_name_key") => Self::NameTaken,
            _ => Self::Db(error.into()),
        }
    }
}

/// Every space with its sums: what the roller has folded in, and what still waits for it, read in one snapshot.
const SELECT: &str = "\
    SELECT s.customer, s.id, s.name, s.default_tags, s.default_roles, s.default_max_unauthorised, s.created, \
           s.images + d.images AS images, s.stored + d.stored AS stored, s.size + d.size AS size, \
           s.thumbnail_size + d.thumbnail_size AS thumbnail_size \
    FROM space s CROSS JOIN LATERAL ( \
        SELECT coalesce(sum(u.images), 0)::bigint AS images, coalesce(sum(u.stored), 0)::bigint AS stored, \
               coalesce(sum(u.size), 0)::bigint AS size, coalesce(sum(u.thumbnail_size), 0)::bigint AS thumbnail_size \
        FROM usage_delta u WHERE u.customer = s.customer AND u.space = s.id) d ";

/// Creates a space under the customer's next number.
///
/// # Errors
/// If the name is missing or taken, the customer does not exist, or the database fails.
pub async fn create(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    fields: &SpaceFields,
) -> Result<Space, WriteSpaceError> {
    if fields.name.is_none() {
        return Err(WriteSpaceError::NameMissing);
    }
    conn.transaction(async move |conn| {
        let next = "UPDATE customer SET last_space = last_space + 1 WHERE id = $1 AND last_space < $2 \
                    RETURNING last_space::bigint AS n";
        let next = sql_query(next).bind::<Integer, _>(customer.0).bind::<Integer, _>(i32::MAX).prepared();
        let next: Option<Number> = next.get_result(conn).await.optional()?;
        let Some(Number { n: id }) = next else {
            let known = crate::customer::get(conn, customer).await.map_err(WriteSpaceError::Db)?;
            return Err(if known.is_some() { WriteSpaceError::NoNumber } else { WriteSpaceError::NoCustomer });
        };
        let id = SpaceId(i32::try_from(id).unwrap_or(i32::MAX));
        insert(conn, customer, id, fields).await?;
        get(conn, customer, id).await.map_err(WriteSpaceError::Db)?.ok_or(WriteSpaceError::NoCustomer)
    })
    .await
}

/// Creates the space of this number or changes what `fields` names, if `condition` holds of it as it was; says whether
/// it was created.
///
/// # Errors
/// If the name is taken or missing in a new space, the customer does not exist, or the database fails.
pub async fn put(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    id: SpaceId,
    fields: &SpaceFields,
    condition: Condition<'_, Space>,
) -> Result<(Space, bool), WriteSpaceError> {
    conn.transaction(async move |conn| {
        // Also the lock that makes two requests for the same new number come one after the other.
        let number = "UPDATE customer SET last_space = greatest(last_space, $2) WHERE id = $1";
        let number = sql_query(number).bind::<Integer, _>(customer.0).bind::<Integer, _>(id.0).prepared();
        if number.execute(conn).await? == 0 {
            return Err(WriteSpaceError::NoCustomer);
        }
        let before = get(conn, customer, id).await.map_err(WriteSpaceError::Db)?;
        if !condition(before.as_ref()) {
            return Err(WriteSpaceError::Refused);
        }
        let created = !update(conn, customer, id, fields).await?;
        if created {
            if fields.name.is_none() {
                return Err(WriteSpaceError::NameMissing);
            }
            insert(conn, customer, id, fields).await?;
        }
        let space = get(conn, customer, id).await.map_err(WriteSpaceError::Db)?;
        Ok((space.ok_or(WriteSpaceError::NoCustomer)?, created))
    })
    .await
}

async fn insert(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    id: SpaceId,
    fields: &SpaceFields,
) -> Result<(), WriteSpaceError> {
    let SpaceFields { name, default_tags, default_roles, default_max_unauthorised } = fields;
    let sql = "INSERT INTO space (customer, id, name, default_tags, default_roles, default_max_unauthorised) \
               VALUES ($1, $2, $3, coalesce($4, '{}'), coalesce($5, '{}'), coalesce($6, -1))";
    sql_query(sql)
        .bind::<Integer, _>(customer.0)
        .bind::<Integer, _>(id.0)
        .bind::<Nullable<Text>, _>(name)
        .bind::<Nullable<Array<Text>>, _>(default_tags)
        .bind::<Nullable<Array<Text>>, _>(default_roles)
        .bind::<Nullable<Integer>, _>(default_max_unauthorised)
        .prepared()
        .execute(conn)
        .await?;
    Ok(())
}

/// Changes what `fields` names; whether there is such a space.
async fn update(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    id: SpaceId,
    fields: &SpaceFields,
) -> Result<bool, WriteSpaceError> {
    let SpaceFields { name, default_tags, default_roles, default_max_unauthorised } = fields;
    let sql = "UPDATE space SET name = coalesce($3, name), default_tags = coalesce($4, default_tags), \
                   default_roles = coalesce($5, default_roles), \
                   default_max_unauthorised = coalesce($6, default_max_unauthorised) \
               WHERE customer = $1 AND id = $2";
    let rows = sql_query(sql)
        .bind::<Integer, _>(customer.0)
        .bind::<Integer, _>(id.0)
        .bind::<Nullable<Text>, _>(name)
        .bind::<Nullable<Array<Text>>, _>(default_tags)
        .bind::<Nullable<Array<Text>>, _>(default_roles)
        .bind::<Nullable<Integer>, _>(default_max_unauthorised)
        .prepared()
        .execute(conn)
        .await?;
    Ok(rows > 0)
}

/// What became of the wish to delete a space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone; its number is not given again.
    Done,
    /// There is no such space.
    Unknown,
    /// It has images.
    HasImages,
    /// The caller's condition does not hold.
    Refused,
}

/// Deletes a space without images, if `condition` holds of it. Tombstones of its images stay: they keep what is still
/// on its way from coming back, should the number be chosen again.
///
/// # Errors
/// If the database fails.
pub async fn delete(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    id: SpaceId,
    condition: Condition<'_, Space>,
) -> Result<Deleted, DbError> {
    const LOCK: &str = "SELECT id::bigint AS n FROM space WHERE customer = $1 AND id = $2 FOR UPDATE";
    const IMAGES: &str = "SELECT count(*) AS n FROM (SELECT FROM image \
                          WHERE customer = $1 AND space = $2 AND deleted_at IS NULL LIMIT 1) i";
    // What waits to be folded into the sums sums to nothing, and would wait for ever.
    const SUMS: &str = "DELETE FROM usage_delta WHERE customer = $1 AND space = $2";
    const SPACE: &str = "DELETE FROM space WHERE customer = $1 AND id = $2";
    let query = |sql: &'static str| sql_query(sql).bind::<Integer, _>(customer.0).bind::<Integer, _>(id.0).prepared();
    conn.transaction(async |conn| {
        // Waits for registrations into the space, which hold it until their commit.
        let locked: Option<Number> = query(LOCK).get_result(conn).await.optional()?;
        let space = match locked {
            Some(_) => get(conn, customer, id).await?,
            None => None,
        };
        let Some(space) = space else { return Ok(Deleted::Unknown) };
        if !condition(Some(&space)) {
            return Ok(Deleted::Refused);
        }
        let images: Number = query(IMAGES).get_result(conn).await?;
        if images.n > 0 {
            return Ok(Deleted::HasImages);
        }
        query(SUMS).execute(conn).await?;
        query(SPACE).execute(conn).await?;
        Ok(Deleted::Done)
    })
    .await
}

/// The space of this number.
///
/// # Errors
/// If the database fails.
pub async fn get(conn: &mut AsyncPgConnection, customer: CustomerId, id: SpaceId) -> Result<Option<Space>, DbError> {
    let query = sql_query(SELECT).sql("WHERE s.customer = $1 AND s.id = $2");
    let query = query.bind::<Integer, _>(customer.0).bind::<Integer, _>(id.0).prepared();
    Ok(query.get_result(conn).await.optional()?)
}

/// Whether there is such a space.
///
/// # Errors
/// If the database fails.
pub async fn exists(conn: &mut AsyncPgConnection, customer: CustomerId, id: SpaceId) -> Result<bool, DbError> {
    let query = sql_query("SELECT count(*) AS n FROM space WHERE customer = $1 AND id = $2");
    let query = query.bind::<Integer, _>(customer.0).bind::<Integer, _>(id.0);
    Ok(query.prepared().get_result::<Number>(conn).await?.n > 0)
}

/// The numbers of all spaces of a customer.
///
/// # Errors
/// If the database fails.
pub async fn numbers(conn: &mut AsyncPgConnection, customer: CustomerId) -> Result<HashSet<SpaceId>, DbError> {
    let query = sql_query("SELECT id::bigint AS n FROM space WHERE customer = $1").bind::<Integer, _>(customer.0);
    let found: Vec<Number> = query.prepared().load(conn).await?;
    Ok(found.into_iter().filter_map(|row| i32::try_from(row.n).ok()).map(SpaceId).collect())
}

fn columns(field: SpaceField) -> Vec<Column<Space>> {
    let id = Column { sql: "s.id", kind: Kind::Number, of: |space: &Space| space.id.0.into() };
    match field {
        SpaceField::Id => vec![id],
        SpaceField::Name => vec![Column { sql: "s.name", kind: Kind::Text, of: |space| space.name.as_str().into() }],
        SpaceField::Created => {
            vec![Column { sql: "s.created", kind: Kind::Time, of: |space: &Space| space.created.into() }, id]
        }
    }
}

/// A customer's spaces, unless told otherwise by their numbers.
///
/// # Errors
/// If the slice begins at a place of another order, or the database fails.
pub async fn list(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    slice: &Slice<SpaceField>,
) -> Result<Listing<Space>, DbError> {
    let order = slice.order.unwrap_or(Order { by: SpaceField::Id, descending: false });
    let walk = Walk::new(columns(order.by), order.descending, slice);
    if walk.is_empty() {
        return Ok(walk.listing(Vec::new()));
    }
    // Only those of the slice are summed up.
    let mut statement = Statement::new(SELECT);
    statement.push("JOIN (SELECT s.customer, s.id FROM space s WHERE s.customer = ");
    statement.bind(Bind::Number(customer.0.into())).push(" ");
    walk.beyond(&mut statement)?;
    walk.sort(&mut statement);
    walk.cut(&mut statement);
    statement.push(") k ON k.customer = s.customer AND k.id = s.id ");
    walk.sort(&mut statement);
    Ok(walk.listing(statement.query().load(conn).await?))
}

/// How many spaces a customer has.
///
/// # Errors
/// If the database fails.
pub async fn count(conn: &mut AsyncPgConnection, customer: CustomerId) -> Result<i64, DbError> {
    let total = sql_query("SELECT count(*) AS n FROM space WHERE customer = $1").bind::<Integer, _>(customer.0);
    let total: Number = total.prepared().get_result(conn).await?;
    Ok(total.n)
}
