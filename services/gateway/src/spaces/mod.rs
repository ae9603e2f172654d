//! Spaces.

pub mod create;
pub mod delete;
pub mod list;
pub mod put;
pub mod read;

use dlcs_api::{Given, Links, Resource, Space, SpaceInput};
use dlcs_db::space::{self, SpaceFields, WriteSpaceError};
use dlcs_http::Problem;

use crate::Demand;

pub use create::create;
pub use delete::delete;
pub use list::list;
pub use put::{patch, put};
pub use read::read;

/// A row as clients see it.
fn view(links: &Links, row: space::Space) -> Space {
    let space::Space { customer, id, name, default_tags, default_roles, default_max_unauthorised, .. } = row;
    Space {
        id: id.0,
        name,
        created: row.created.into(),
        default_tags,
        default_roles,
        default_max_unauthorised,
        max_unauthorised: default_max_unauthorised,
        number_of_images: Some(row.images),
        approximate_number_of_images: Some(row.images),
        images: links.images(customer, id),
        storage: links.space_storage(customer, id),
    }
}

/// A space that stands alone in an answer.
fn resource(links: &Links, row: space::Space) -> Resource<Space> {
    Resource::top(links, links.space(row.customer, row.id), view(links, row))
}

/// What to store; an explicit `null` is the default.
fn fields(input: SpaceInput) -> SpaceFields {
    fn given<T>(given: Given<T>, default: T) -> Option<T> {
        match given {
            Given::Absent => None,
            Given::Null => Some(default),
            Given::Value(value) => Some(value),
        }
    }
    SpaceFields {
        name: input.name,
        default_tags: given(input.default_tags, Vec::new()),
        default_roles: given(input.default_roles, Vec::new()),
        default_max_unauthorised: given(input.default_max_unauthorised, -1),
    }
}

fn unknown() -> Problem {
    Problem::not_found("There is no such space.")
}

fn problem(error: WriteSpaceError, demand: &Demand) -> Problem {
    match error {
        WriteSpaceError::NameTaken => Problem::conflict("Another space has this name."),
        WriteSpaceError::NameMissing => Problem::fault("missing-name", "/name", "a space must have a name"),
        WriteSpaceError::NoCustomer => Problem::not_found("There is no such customer."),
        WriteSpaceError::NoNumber => Problem::conflict("All numbers of spaces are used up."),
        WriteSpaceError::Refused => demand.refusal().unwrap_or_else(unknown),
        WriteSpaceError::Db(error) => error.into(),
    }
}
