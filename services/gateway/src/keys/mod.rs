//! A customer's API keys.

pub mod create;
pub mod delete;
pub mod list;
pub mod read;

use dlcs_api::Key;
use dlcs_db::api_key::ApiKey;
use dlcs_http::Problem;

pub use create::create;
pub use delete::delete;
pub use list::list;
pub use read::read;

/// A row as clients see it.
fn view(row: ApiKey) -> Key {
    let ApiKey { key, customer: _, created, last_used } = row;
    Key { key, secret: None, created: Some(created.into()), last_used: last_used.map(Into::into) }
}

fn unknown() -> Problem {
    Problem::not_found("There is no such key.")
}
