//! THE database: schema, rows and the queue. Postgres is the truth about every registration; this crate is the only
//! place that writes it, and the only one that contains SQL.
//!
//! One file per table holds its rows, its queries and their tests. [`queue`] holds the transactions that move an item
//! from `accept` to its end; each of their effects is conditional and fenced by a random lease token, so that loss,
//! repetition and reordering of messages change no outcome.
//!
//! Locks are taken in one order everywhere: space, image, lease, item, dispatch, deltas, turn, quota, batch. Where several rows of one table are locked,
//! they are locked in the order of their keys.

pub mod api_key;
pub mod batch;
pub mod condition;
pub mod customer;
pub mod error;
pub mod image;
pub mod item;
pub mod known_host;
pub mod origin_strategy;
pub mod outbox;
pub mod page;
pub mod pool;
pub mod portal_user;
pub mod queue;
mod schema;
pub mod settings;
pub mod space;
mod sql;
mod statement;
pub mod step;
pub mod storage_policy;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
pub mod usage;

pub use condition::Condition;
pub use diesel::result::Error as QueryError;
pub use diesel_async::AsyncPgConnection;
pub use error::DbError;
pub use page::{Listing, Slice};
pub use pool::{Connection, Database};
pub use settings::DatabaseSettings;
