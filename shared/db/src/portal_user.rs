//! People who use the portal for a customer. Only a slow hash of a password comes here.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Bool, Integer, Nullable, Text, Timestamptz};
use diesel::{OptionalExtension, QueryableByName, sql_query};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_model::{CustomerId, Unordered};
use uuid::Uuid;

use crate::page::{Column, Kind, Listing, Slice, Walk};
use crate::sql::{Number, Prepare};
use crate::statement::{Bind, Statement};
use crate::{Condition, DbError};

/// A portal user without its password.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct PortalUser {
    /// Its name in the system.
    #[diesel(sql_type = diesel::sql_types::Uuid)]
    pub id: Uuid,
    /// For whom.
    #[diesel(sql_type = Integer, deserialize_as = i32)]
    pub customer: CustomerId,
    /// How it logs in, unique within the customer whatever the case.
    #[diesel(sql_type = Text)]
    pub email: String,
    /// Whether it may log in.
    #[diesel(sql_type = Bool)]
    pub enabled: bool,
    /// When it was created.
    #[diesel(sql_type = Timestamptz)]
    pub created: DateTime<Utc>,
}

/// What a caller says of a portal user; what is absent keeps its value.
#[derive(Clone, Default)]
pub struct PortalUserFields {
    /// See [`PortalUser::email`].
    pub email: Option<String>,
    /// The hash of its password.
    pub password_hash: Option<String>,
    /// See [`PortalUser::enabled`].
    pub enabled: Option<bool>,
}

/// A portal user could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteUserError {
    /// Another of the customer's users has that address.
    #[error("the address is taken")]
    EmailTaken,
    /// There is no such user.
    #[error("no such user")]
    Unknown,
    /// The caller's condition does not hold.
    #[error("the condition does not hold")]
    Refused,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<diesel::result::Error> for WriteUserError {
    fn from(error: diesel::result::Error) -> Self {
        match DbError::taken(&error) {
            Some("portal_user_email_key") => Self::EmailTaken,
            _ => Self::Db(error.into()),
        }
    }
}

const COLUMNS: &str = "id, customer, email, enabled, created";

/// Creates a user.
///
/// # Errors
/// If the address is taken or the database fails.
pub async fn create(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    email: &str,
    password_hash: &str,
    enabled: bool,
) -> Result<PortalUser, WriteUserError> {
    let sql = format!(
        "INSERT INTO portal_user (id, customer, email, password_hash, enabled) VALUES ($1, $2, $3, $4, $5) \
         RETURNING {COLUMNS}"
    );
    let query = sql_query(sql)
        .bind::<diesel::sql_types::Uuid, _>(Uuid::now_v7())
        .bind::<Integer, _>(customer.0)
        .bind::<Text, _>(email)
        .bind::<Text, _>(password_hash)
        .bind::<Bool, _>(enabled);
    Ok(query.prepared().get_result(conn).await?)
}

/// A customer's user.
///
/// # Errors
/// If the database fails.
pub async fn get(conn: &mut AsyncPgConnection, customer: CustomerId, id: Uuid) -> Result<Option<PortalUser>, DbError> {
    Ok(find(conn, customer, id, "").await?)
}

async fn find(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    id: Uuid,
    lock: &str,
) -> diesel::QueryResult<Option<PortalUser>> {
    let query = sql_query(format!("SELECT {COLUMNS} FROM portal_user WHERE customer = $1 AND id = $2 {lock}"));
    let query = query.bind::<Integer, _>(customer.0).bind::<diesel::sql_types::Uuid, _>(id);
    query.prepared().get_result(conn).await.optional()
}

/// A customer's users, oldest first.
///
/// # Errors
/// If the slice begins at a place of another order, or the database fails.
pub async fn list(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    slice: &Slice<Unordered>,
) -> Result<Listing<PortalUser>, DbError> {
    // Ids are given in the order of time.
    let id = Column { sql: "id::text", kind: Kind::Text, of: |row: &PortalUser| row.id.to_string().as_str().into() };
    let walk = Walk::new(vec![id], false, slice);
    let mut statement = Statement::new("SELECT * FROM portal_user WHERE customer = ");
    statement.bind(Bind::Number(customer.0.into())).push(" ");
    walk.beyond(&mut statement)?;
    walk.sort(&mut statement);
    walk.cut(&mut statement);
    Ok(walk.listing(statement.query().load(conn).await?))
}

/// How many users a customer has.
///
/// # Errors
/// If the database fails.
pub async fn count(conn: &mut AsyncPgConnection, customer: CustomerId) -> Result<i64, DbError> {
    let total = sql_query("SELECT count(*) AS n FROM portal_user WHERE customer = $1").bind::<Integer, _>(customer.0);
    let total: Number = total.prepared().get_result(conn).await?;
    Ok(total.n)
}

/// Changes what `fields` names, if `condition` holds of the user as it was.
///
/// # Errors
/// See [`WriteUserError`]; nothing was changed then.
pub async fn update(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    id: Uuid,
    fields: &PortalUserFields,
    condition: Condition<'_, PortalUser>,
) -> Result<PortalUser, WriteUserError> {
    let sql = format!(
        "UPDATE portal_user SET email = coalesce($3, email), password_hash = coalesce($4, password_hash), \
             enabled = coalesce($5, enabled) WHERE customer = $1 AND id = $2 RETURNING {COLUMNS}"
    );
    let PortalUserFields { email, password_hash, enabled } = fields;
    conn.transaction(async |conn| {
        hold(conn, customer, id, condition).await?;
        let query = sql_query(&sql)
            .bind::<Integer, _>(customer.0)
            .bind::<diesel::sql_types::Uuid, _>(id)
            .bind::<Nullable<Text>, _>(email)
            .bind::<Nullable<Text>, _>(password_hash)
            .bind::<Nullable<Bool>, _>(enabled);
        Ok(query.prepared().get_result(conn).await?)
    })
    .await
}

/// Deletes a user, if `condition` holds of it.
///
/// # Errors
/// See [`WriteUserError`]; nothing was changed then.
pub async fn delete(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    id: Uuid,
    condition: Condition<'_, PortalUser>,
) -> Result<(), WriteUserError> {
    conn.transaction(async |conn| {
        hold(conn, customer, id, condition).await?;
        let query = sql_query("DELETE FROM portal_user WHERE customer = $1 AND id = $2");
        let query = query.bind::<Integer, _>(customer.0).bind::<diesel::sql_types::Uuid, _>(id);
        query.prepared().execute(conn).await?;
        Ok(())
    })
    .await
}

async fn hold(
    conn: &mut AsyncPgConnection,
    customer: CustomerId,
    id: Uuid,
    condition: Condition<'_, PortalUser>,
) -> Result<(), WriteUserError> {
    let user = find(conn, customer, id, "FOR UPDATE").await?.ok_or(WriteUserError::Unknown)?;
    if condition(Some(&user)) { Ok(()) } else { Err(WriteUserError::Refused) }
}
