//! Connections: pooled, checked before each use, bounded in number and in the time one waits for them.

use std::time::Duration;

use diesel::{ConnectionError, ConnectionResult};
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{AsyncDieselConnectionManager, ManagerConfig};
use diesel_async::{AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use futures::FutureExt;
use secrecy::ExposeSecret;

use crate::{DatabaseSettings, DbError};

const MIGRATIONS: EmbeddedMigrations = embed_migrations!();

/// Held while migrating, so that processes that start together do it one after the other.
const MIGRATION_LOCK: i64 = 0x444C_4353;

/// A connection of the pool; dereferences to [`AsyncPgConnection`] and goes back when dropped.
pub type Connection = Object<AsyncPgConnection>;

/// The database, cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: Pool<AsyncPgConnection>,
    settings: DatabaseSettings,
}

impl Database {
    /// Sets up the pool. Connects on first use, so it succeeds while Postgres is down.
    ///
    /// # Errors
    /// If the pool's settings make no sense.
    pub fn connect(settings: &DatabaseSettings) -> Result<Self, DbError> {
        let timeout = settings.database_statement_timeout;
        let mut config = ManagerConfig::default();
        config.custom_setup = Box::new(move |url| establish(url.to_owned(), timeout).boxed());
        let manager = AsyncDieselConnectionManager::new_with_config(settings.database_url.expose_secret(), config);
        let wait = Duration::from_secs(settings.database_pool_wait);
        let pool = Pool::builder(manager)
            .max_size(settings.database_pool_size)
            .wait_timeout(Some(wait))
            .create_timeout(Some(wait))
            .recycle_timeout(Some(wait))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|error| DbError::Connect(error.to_string()))?;
        Ok(Self { pool, settings: settings.clone() })
    }

    /// A working connection.
    ///
    /// # Errors
    /// If none can be had within the set time; transient.
    pub async fn get(&self) -> Result<Connection, DbError> {
        Ok(self.pool.get().await?)
    }

    /// Whether Postgres answers.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ready(&self) -> Result<(), DbError> {
        diesel::sql_query("SELECT 1").execute(&mut self.get().await?).await?;
        Ok(())
    }

    /// Brings the schema up to date. Any number of processes may call this at once.
    ///
    /// # Errors
    /// If Postgres cannot be reached or a migration fails.
    pub async fn migrate(&self) -> Result<(), DbError> {
        let url = self.settings.database_url.expose_secret().to_owned();
        let mut connection = establish(url, 0).await.map_err(|error| DbError::Connect(error.to_string()))?;
        // The lock ends with the connection.
        connection.batch_execute(&format!("SELECT pg_advisory_lock({MIGRATION_LOCK})")).await?;
        // On a thread of its own: the harness blocks its thread, and would swallow wake-ups that are meant for whatever
        // else runs there.
        let migrated = tokio::task::spawn_blocking(move || {
            let mut harness = AsyncMigrationHarness::new(connection);
            harness.run_pending_migrations(MIGRATIONS).map(drop).map_err(|error| error.to_string())
        });
        migrated.await.map_err(|error| error.to_string()).and_then(|result| result).map_err(DbError::Migration)
    }
}

async fn establish(url: String, statement_timeout: u32) -> ConnectionResult<AsyncPgConnection> {
    let mut connection = AsyncPgConnection::establish(&url).await?;
    let session = format!(
        "SET statement_timeout = '{statement_timeout}s'; SET idle_in_transaction_session_timeout = '30s'; \
         SET timezone = 'UTC'; SET application_name = 'dlcs'; SET jit = off"
    );
    connection.batch_execute(&session).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}
