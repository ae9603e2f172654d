//! How the database is reached.

use secrecy::SecretString;

/// Settings of the database.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Postgres")]
pub struct DatabaseSettings {
    /// Where Postgres is: `postgres://user:password@host:port/database`.
    #[arg(long, env = "DLCS_DATABASE_URL", hide_env_values = true)]
    pub database_url: SecretString,
    /// Connections held at most by one process.
    #[arg(long, env = "DLCS_DATABASE_POOL_SIZE", default_value_t = 16)]
    pub database_pool_size: usize,
    /// Seconds to wait for a connection before giving up.
    #[arg(long, env = "DLCS_DATABASE_POOL_WAIT", default_value_t = 5)]
    pub database_pool_wait: u64,
    /// Seconds after which Postgres ends a statement.
    #[arg(long, env = "DLCS_DATABASE_STATEMENT_TIMEOUT", default_value_t = 30)]
    pub database_statement_timeout: u32,
}

impl DatabaseSettings {
    /// The defaults, for the database at `url`.
    #[must_use]
    pub fn at(url: &str) -> Self {
        Self {
            database_url: SecretString::from(url),
            database_pool_size: 16,
            database_pool_wait: 5,
            database_statement_timeout: 30,
        }
    }
}
