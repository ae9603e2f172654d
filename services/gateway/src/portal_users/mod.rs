//! People who use the portal for a customer.

pub mod create;
pub mod delete;
pub mod list;
mod password;
pub mod patch;
pub mod read;

use dlcs_api::{Links, PortalUser, Resource};
use dlcs_db::portal_user::{self, WriteUserError};
use dlcs_http::{PathPart, Problem};
use uuid::Uuid;

use crate::Demand;

pub use create::create;
pub use delete::delete;
pub use list::list;
pub use patch::patch;
pub use read::read;

/// A user's name in a path.
pub struct UserId(Uuid);

impl PathPart for UserId {
    const NAME: &'static str = "user";

    fn parse(text: &str) -> Result<Self, Problem> {
        Uuid::try_parse(text).map(Self).map_err(|_| unknown())
    }
}

/// A row as clients see it.
fn view(row: portal_user::PortalUser) -> PortalUser {
    let portal_user::PortalUser { id: _, customer: _, email, enabled, created } = row;
    PortalUser { email, enabled, created: created.into() }
}

/// A user that stands alone in an answer.
fn resource(links: &Links, row: portal_user::PortalUser) -> Resource<PortalUser> {
    Resource::top(links, links.portal_user(row.customer, row.id), view(row))
}

fn unknown() -> Problem {
    Problem::not_found("There is no such portal user.")
}

fn problem(error: WriteUserError, demand: &Demand) -> Problem {
    match error {
        WriteUserError::EmailTaken => Problem::conflict("Another portal user has this e-mail address."),
        WriteUserError::Unknown => unknown(),
        WriteUserError::Refused => demand.refusal().unwrap_or_else(unknown),
        WriteUserError::Db(error) => error.into(),
    }
}
