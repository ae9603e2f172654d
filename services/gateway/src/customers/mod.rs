//! Customers.

pub mod create;
pub mod empty;
pub mod list;
pub mod patch;
pub mod read;

use dlcs_api::customer::CustomerInput;
use dlcs_api::{Customer, Links};
use dlcs_db::{AsyncPgConnection, customer};
use dlcs_http::{Authorized, Problem};

pub use create::create;
pub use empty::named_queries;
pub use list::list;
pub use patch::patch;
pub use read::read;

/// A row as clients see it.
fn view(links: &Links, row: customer::Customer) -> Customer {
    let customer::Customer { id, name, display_name, administrator, created } = row;
    Customer::new(links, id, CustomerInput { name, display_name }, administrator, created.into())
}

/// The customer in the path. Only an administrator can ask for one that does not exist.
///
/// # Errors
/// 404 if there is none.
pub async fn require(db: &mut AsyncPgConnection, authorized: Authorized) -> Result<customer::Customer, Problem> {
    let row = customer::get(db, authorized.customer).await?;
    row.ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::not_found("There is no such customer.")
}
