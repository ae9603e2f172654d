//! A Postgres database for one test.

use anyhow::Context as _;
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};

use crate::{DATABASE_VARIABLE, cleanup, server, unique_name};

/// An empty database, dropped with the value, whoever is still connected to it.
#[derive(Debug)]
pub struct TestDatabase {
    server: String,
    name: String,
}

impl TestDatabase {
    /// Creates an empty database.
    ///
    /// # Errors
    /// No server is named in the environment, or it cannot be reached.
    pub async fn create() -> anyhow::Result<Self> {
        let server = server(DATABASE_VARIABLE)?;
        let name = unique_name();
        // template0 is never connected to, so that any number of tests can copy it at once.
        execute(&server, &format!("CREATE DATABASE {name} TEMPLATE template0")).await?;
        Ok(Self { server, name })
    }

    /// Where to connect: `postgres://user@host:port/name`.
    #[must_use]
    pub fn url(&self) -> String {
        in_database(&self.server, &self.name)
    }

    /// A connection of its own to the database.
    ///
    /// # Errors
    /// The server cannot be reached.
    pub async fn connect(&self) -> anyhow::Result<AsyncPgConnection> {
        connect(&self.url()).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let server = self.server.clone();
        let statement = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        cleanup::finish("a test database", async move { execute(&server, &statement).await });
    }
}

/// `server` with its database, if it names one, replaced by `name`.
fn in_database(server: &str, name: &str) -> String {
    let host = server.find("://").map_or(0, |at| at + 3);
    match server[host..].find('/') {
        Some(path) => format!("{}/{name}", &server[..host + path]),
        None => format!("{server}/{name}"),
    }
}

async fn connect(url: &str) -> anyhow::Result<AsyncPgConnection> {
    AsyncPgConnection::establish(url).await.with_context(|| format!("no connection to {url}"))
}

async fn execute(url: &str, statement: &str) -> anyhow::Result<()> {
    let mut connection = connect(url).await?;
    connection.batch_execute(statement).await.with_context(|| format!("{statement} failed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_database_of_a_url_is_replaced() {
        assert_eq!(in_database("postgres://me@host:5432/postgres", "x"), "postgres://me@host:5432/x");
        assert_eq!(in_database("postgres://me@host:5432", "x"), "postgres://me@host:5432/x");
    }

    #[tokio::test]
    async fn a_database_lives_as_long_as_its_value() {
        let database = TestDatabase::create().await.unwrap();
        let url = database.url();
        let mut connection = database.connect().await.unwrap();
        connection.batch_execute("CREATE TABLE page (id int)").await.unwrap();
        drop(database);
        let error = connect(&url).await.err().expect("the database is gone, though it was connected to");
        assert!(format!("{error:#}").contains("does not exist"), "{error:#}");
    }
}
