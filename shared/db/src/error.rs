//! What can go wrong between us and Postgres, and whether another try makes sense.

use diesel::result::{DatabaseErrorKind, Error};
use diesel_async::pooled_connection::deadpool::PoolError;

/// A failure of the database, none of a request.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// A statement failed.
    #[error("database: {0}")]
    Query(#[from] Error),
    /// No connection could be had in time.
    #[error("no database connection: {0}")]
    Connect(String),
    /// A slice begins at a place that is none in its order.
    #[error("the place is none of this order")]
    Cursor,
    /// The schema could not be brought up to date.
    #[error("migration: {0}")]
    Migration(String),
}

impl DbError {
    /// Whether the same call may succeed a little later: the server restarts, is too busy, or broke a tie.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect(_) => true,
            Self::Migration(_) | Self::Cursor => false,
            Self::Query(error) => is_tie(error) || is_outage(error),
        }
    }

    /// The unique constraint that a statement would have broken.
    pub(crate) fn taken(error: &Error) -> Option<&str> {
        match error {
            Error::DatabaseError(DatabaseErrorKind::UniqueViolation, info) => info.constraint_name(),
            _ => None,
        }
    }
}

impl From<PoolError> for DbError {
    fn from(error: PoolError) -> Self {
        Self::Connect(error.to_string())
    }
}

/// Two transactions were in each other's way and Postgres ended this one; it can be run again at once.
pub(crate) fn is_tie(error: &Error) -> bool {
    match error {
        Error::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        Error::DatabaseError(DatabaseErrorKind::Unknown, info) => info.message() == "deadlock detected",
        _ => false,
    }
}

fn is_outage(error: &Error) -> bool {
    const SIGNS: [&str; 6] = [
        "terminating connection",
        "the database system is",
        "canceling statement due to",
        "too many clients",
        "remaining connection slots",
        "cannot execute",
    ];
    match error {
        Error::BrokenTransactionManager => true,
        Error::RollbackErrorOnCommit { rollback_error, commit_error } => {
            is_outage(rollback_error) || is_outage(commit_error)
        }
        Error::DatabaseError(kind, info) => match kind {
            DatabaseErrorKind::UnableToSendCommand
            | DatabaseErrorKind::ClosedConnection
            | DatabaseErrorKind::ReadOnlyTransaction => true,
            _ => SIGNS.iter().any(|sign| info.message().contains(sign)),
        },
        _ => false,
    }
}
