//! Before the first request: the schema is up to date and the first administrator exists.

use std::time::Duration;

use anyhow::Context as _;
use dlcs_db::customer::{self, CreateCustomerError};
use dlcs_db::{Database, api_key};
use dlcs_service::Context;

use crate::gateway::Gateway;
use crate::settings::AdminSettings;

/// The first administrator's name as a customer; no other customer can take it.
const ADMIN: &str = "admin";
const PAUSE: Duration = Duration::from_secs(1);

/// Whether the preparation came to its end.
pub enum Prepared {
    /// Ready for requests.
    Done,
    /// Told to stop first.
    Cancelled,
}

impl Prepared {
    /// Whether the service was told to stop.
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled)
    }
}

/// Prepares, trying again until Postgres lets it.
pub async fn prepare(admin: &AdminSettings, gateway: &Gateway, context: &Context) -> Prepared {
    loop {
        let error = match attempt(admin, gateway).await {
            Ok(()) => return Prepared::Done,
            Err(error) => format!("{error:#}"),
        };
        tracing::warn!(error, "not prepared yet");
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = context.shutdown.cancelled() => return Prepared::Cancelled,
        }
    }
}

async fn attempt(admin: &AdminSettings, gateway: &Gateway) -> anyhow::Result<()> {
    let database = gateway.database.clone();
    // Migrating blocks its thread, which only a task of the runtime itself may do.
    tokio::spawn(async move { database.migrate().await }).await.context("migrating ended early")??;
    create_admin(admin, &gateway.database).await?;
    gateway.names.complete(&gateway.database).await?;
    Ok(())
}

async fn create_admin(admin: &AdminSettings, database: &Database) -> anyhow::Result<()> {
    let (Some(key), Some(secret)) = (&admin.admin_key, &admin.admin_secret) else { return Ok(()) };
    let mut db = database.get().await?;
    let known = customer::by_name(&mut db, ADMIN).await?;
    let owner = match known {
        Some(owner) => owner,
        None => match customer::create(&mut db, ADMIN, "Administrator", true).await {
            Ok(created) => created,
            // Another gateway that starts at the same time was faster.
            Err(CreateCustomerError::NameTaken) => {
                customer::by_name(&mut db, ADMIN).await?.context("no administrator")?
            }
            Err(CreateCustomerError::Db(error)) => return Err(error.into()),
        },
    };
    api_key::put(&mut db, owner.id, key, secret).await?;
    Ok(())
}
