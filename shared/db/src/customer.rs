//! Customers: who registers images.

use chrono::{DateTime, Utc};
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, Queryable, Selectable, SelectableHelper};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use dlcs_model::CustomerId;

use crate::DbError;
use crate::page::{Listing, Page};
use crate::schema::customer;

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
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
/// If the database fails.
pub async fn list(conn: &mut AsyncPgConnection, page: Page) -> Result<Listing<Customer>, DbError> {
    let rows = customer::table.order(customer::id).offset(page.offset).limit(page.limit);
    let rows = rows.select(Customer::as_select()).load(conn).await?;
    let total = customer::table.count().get_result(conn).await?;
    Ok(Listing { rows, total })
}

/// Changes the name for people; `None` if there is no such customer.
///
/// # Errors
/// If the database fails.
pub async fn rename(
    conn: &mut AsyncPgConnection,
    id: CustomerId,
    display_name: &str,
) -> Result<Option<Customer>, DbError> {
    let row = diesel::update(customer::table.find(id.0)).set(customer::display_name.eq(display_name));
    Ok(row.returning(Customer::as_returning()).get_result(conn).await.optional()?)
}
