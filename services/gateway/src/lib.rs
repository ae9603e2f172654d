//! The gateway: the API that writes, and the loops that hand out what was written. Registrations become rows in one
//! transaction; everything after that survives the end of any process.

mod background;
mod bootstrap;
mod bulk;
mod customers;
mod demand;
mod description;
mod descriptors;
mod entry_point;
mod gateway;
mod images;
mod keys;
mod metrics;
mod names;
mod openapi;
mod origin_strategies;
mod policies;
mod portal_users;
mod queue;
mod routes;
mod settings;
mod spaces;
mod storage;
mod uploads;

use std::net::TcpListener;

use actix_web::web::Data;
use dlcs_broker::Broker;
use dlcs_db::Database;
use dlcs_http::Authenticator;
use dlcs_service::Context;
use dlcs_storage::Store;
use futures::future::LocalBoxFuture;

use demand::Demand;
use gateway::Gateway;
pub use openapi::openapi;
pub use origin_strategies::rotate_keys_command;
pub use routes::all as routes;
pub use settings::Settings;

/// Runs the gateway until it is told to stop.
///
/// # Errors
/// If it cannot start: a port that is taken, settings that make no sense.
pub fn start(settings: Settings, context: Context) -> LocalBoxFuture<'static, anyhow::Result<()>> {
    // Boxed, so that the service is compiled here once and not again in every program that awaits it.
    Box::pin(async move {
        let listener = dlcs_http::bind(&settings.http)?;
        run(listener, settings, context).await
    })
}

/// The same on a port that is open already.
///
/// # Errors
/// See [`start`].
pub fn start_on(
    listener: TcpListener,
    settings: Settings,
    context: Context,
) -> LocalBoxFuture<'static, anyhow::Result<()>> {
    Box::pin(run(listener, settings, context))
}

async fn run(listener: TcpListener, settings: Settings, context: Context) -> anyhow::Result<()> {
    let database = Database::connect(&settings.database)?;
    let store = Store::connect(&settings.storage).await?;
    let broker = Broker::start(&settings.broker, &context)?;
    let gateway = Data::new(Gateway::new(&settings, database.clone(), &broker, store, &context)?);
    if bootstrap::prepare(&settings.admin, &gateway, &context).await.is_cancelled() {
        return Ok(());
    }
    let authenticator = Data::new(Authenticator::new(database, &settings.http.rates));
    let loops = background::spawn(&gateway, &broker, &context);
    let app = move |app: &mut actix_web::web::ServiceConfig| {
        app.app_data(gateway.clone()).app_data(authenticator.clone());
        routes::routes(app);
    };
    dlcs_http::serve(&settings.http, listener, &context, app).await?;
    loops.finished().await;
    Ok(())
}
