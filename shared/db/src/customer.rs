//! Customers: who registers images.

use chrono::{DateTime, Utc};
use diesel::{
    ExpressionMethods, OptionalExtension, QueryDsl, Queryable, QueryableByName, Selectable, SelectableHelper,
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use dlcs_model::{CustomerId, Unordered};

use crate::page::{Column, Kind, Listing, Slice, Walk};
use crate::schema::customer;
use crate::statement::Statement;
use crate::{Condition, DbError};

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, QueryableByName, Selectable)]
#[diesel(table_name = customer, check_for_backend(diesel::pg::Pg))]
pub struct Customer {
    /// Its number.
    #[diesel(deserialize_as = i32)]
    pub id: CustomerId,
    /// Its name in URLs, unique whatever the case.
    pub name: String,
    /// Its name for people.
    pub display_name: String,
    /// Whether its keys may do everything.
    pub administrator: bool,
    /// When it was created.
    pub created: DateTime<Utc>,
}

/// A customer could not be created.
#[derive(Debug, thiserror::Error)]
pub enum CreateCustomerError {
    /// Another customer has that name.
    #[error("the name is taken")]
    NameTaken,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Creates a customer.
///
/// # Errors
/// If the name is taken (whatever its case) or the database fails.
pub async fn create(
    conn: &mut AsyncPgConnection,
    name: &str,
    display_name: &str,
    administrator: bool,
) -> Result<Customer, CreateCustomerError> {
    let values =
        (customer::name.eq(name), customer::display_name.eq(display_name), customer::administrator.eq(administrator));
    let row = diesel::insert_into(customer::table).values(values).returning(Customer::as_returning());
    row.get_result(conn).await.map_err(|error| match DbError::taken(&error) {
        Some("customer_name_key") => CreateCustomerError::NameTaken,
        _ => CreateCustomerError::Db(error.into()),
    })
}

/// The customer of this number.
///
/// # Errors
/// If the database fails.
pub async fn get(conn: &mut AsyncPgConnection, id: CustomerId) -> Result<Option<Customer>, DbError> {
    let row = customer::table.find(id.0).select(Customer::as_select());
    Ok(row.first(conn).await.optional()?)
}

/// The customer of this name, whatever its case.
///
/// # Errors
/// If the database fails.
pub async fn by_name(conn: &mut AsyncPgConnection, name: &str) -> Result<Option<Customer>, DbError> {
    diesel::define_sql_function!(fn lower(name: diesel::sql_types::Text) -> diesel::sql_types::Text);
    let row = customer::table.filter(lower(customer::name).eq(name.to_lowercase())).select(Customer::as_select());
    Ok(row.first(conn).await.optional()?)
}

/// Customers by their numbers.
///
/// # Errors
/// If the slice begins at a place of another order, or the database fails.
pub async fn list(conn: &mut AsyncPgConnection, slice: &Slice<Unordered>) -> Result<Listing<Customer>, DbError> {
    let id = Column { sql: "id", kind: Kind::Number, of: |customer: &Customer| customer.id.0.into() };
    let walk = Walk::new(vec![id], false, slice);
    let mut statement = Statement::new("SELECT * FROM customer WHERE true ");
    walk.beyond(&mut statement)?;
    walk.sort(&mut statement);
    walk.cut(&mut statement);
    Ok(walk.listing(statement.query().load(conn).await?))
}

/// How many there are.
///
/// # Errors
/// If the database fails.
pub async fn count(conn: &mut AsyncPgConnection) -> Result<i64, DbError> {
    Ok(customer::table.count().get_result(conn).await?)
}

/// Changes the name for people, if `condition` holds of the customer as it was; `None` if it does not, or there is no
/// such customer.
///
/// # Errors
/// If the database fails.
pub async fn rename(
    conn: &mut AsyncPgConnection,
    id: CustomerId,
    display_name: &str,
    condition: Condition<'_, Customer>,
) -> Result<Option<Customer>, DbError> {
    let held = customer::table.find(id.0).select(Customer::as_select()).for_no_key_update();
    let changed = diesel::update(customer::table.find(id.0)).set(customer::display_name.eq(display_name));
    conn.transaction(async |conn| {
        let row = held.first(conn).await.optional()?;
        if !row.as_ref().is_some_and(|row| condition(Some(row))) {
            return Ok(None);
        }
        Ok(Some(changed.returning(Customer::as_returning()).get_result(conn).await?))
    })
    .await
}
