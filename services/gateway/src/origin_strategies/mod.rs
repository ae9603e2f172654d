//! How a customer's images are fetched from certain origins. Credentials are sealed here and opened by fetchers only.

pub mod create;
pub mod delete;
pub mod list;
pub mod put;
pub mod read;
mod rotate;
pub mod test;

use dlcs_api::{CustomerOriginStrategy, Faults, GivenCredentials, Links, OriginStrategyInput, Resource};
use dlcs_db::DbError;
use dlcs_db::origin_strategy::{MAX_STRATEGIES, Strategy, StrategyFields, WriteStrategyError};
use dlcs_http::{PathPart, Problem};
use dlcs_model::CustomerId;
use dlcs_vault::{Sealed, Vault, VaultError};
use uuid::Uuid;

use crate::Demand;

pub use create::create;
pub use delete::delete;
pub use list::list;
pub use put::put;
pub use read::read;
pub use rotate::rotate_keys_command;
pub use test::test;

/// A strategy's name in a path.
pub struct StrategyId(Uuid);

impl PathPart for StrategyId {
    const NAME: &'static str = "strategy";

    fn parse(text: &str) -> Result<Self, Problem> {
        Uuid::try_parse(text).map(Self).map_err(|_| unknown())
    }
}

/// A row as clients see it.
fn view(links: &Links, row: Strategy) -> CustomerOriginStrategy {
    let Strategy { id: _, customer: _, fields, created } = row;
    let StrategyFields { regex, strategy, order, credentials: _ } = fields;
    CustomerOriginStrategy::new(links, regex, strategy, order, created.into())
}

/// A strategy that stands alone in an answer.
fn resource(links: &Links, row: Strategy) -> Resource<CustomerOriginStrategy> {
    Resource::top(links, links.origin_strategy(row.customer, row.id), view(links, row))
}

/// What to store for an input; `kept` is what was stored before.
fn fields(
    vault: &Vault,
    (customer, id): (CustomerId, Uuid),
    input: OriginStrategyInput,
    kept: Option<&Sealed>,
) -> Result<StrategyFields, VaultError> {
    let OriginStrategyInput { regex, strategy, order, credentials } = input;
    let credentials = match credentials {
        GivenCredentials::None => None,
        GivenCredentials::Kept => kept.cloned(),
        GivenCredentials::New(new) => Some(vault.seal(&new.encode(), &Strategy::place(customer, id))?),
    };
    Ok(StrategyFields { regex, strategy, order, credentials })
}

fn unknown() -> Problem {
    Problem::not_found("There is no such origin strategy.")
}

/// Why a strategy is not written.
enum Refusal {
    Write(WriteStrategyError),
    Faults(Faults),
    Vault(VaultError),
}

impl From<WriteStrategyError> for Refusal {
    fn from(error: WriteStrategyError) -> Self {
        Self::Write(error)
    }
}

impl From<dlcs_db::QueryError> for Refusal {
    fn from(error: dlcs_db::QueryError) -> Self {
        Self::Write(DbError::from(error).into())
    }
}

fn problem(refusal: impl Into<Refusal>, demand: &Demand) -> Problem {
    match refusal.into() {
        Refusal::Faults(faults) => faults.into(),
        // Whoever runs the system has to name the keys; a client can only come again.
        Refusal::Vault(error) => Problem::unavailable(error),
        Refusal::Write(WriteStrategyError::TooMany) => {
            Problem::conflict(format!("A customer has at most {MAX_STRATEGIES} origin strategies."))
        }
        Refusal::Write(WriteStrategyError::Unknown) => unknown(),
        Refusal::Write(WriteStrategyError::Refused) => demand.refusal().unwrap_or_else(unknown),
        Refusal::Write(WriteStrategyError::Db(error)) => error.into(),
    }
}
