//! The status service: how batches and queues stand, read from counters that its roller keeps. It also tells the
//! broker's listeners what has become true.

mod background;
mod batches;
mod events;
mod metrics;
mod openapi;
mod queue;
mod routes;
mod settings;

use std::net::TcpListener;
use std::sync::Arc;

use actix_web::web::Data;
use dlcs_broker::{Broker, Publisher};
use dlcs_db::{AsyncPgConnection, Database, customer};
use dlcs_http::{Authenticator, Authorized, Problem};
use dlcs_service::Context;
use futures::future::LocalBoxFuture;

use background::Work;
use events::{Events, Feeds};
use metrics::{Metrics, Streams};
pub use openapi::openapi;
pub use routes::all as routes;
pub use settings::Settings;

/// Runs the status service until it is told to stop.
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
    let broker = Broker::start(&settings.broker, &context)?;
    let work =
        Work { database: database.clone(), publisher: Publisher::new(&broker), metrics: Metrics::register(&context)? };
    let authenticator = Data::new(Authenticator::new(database.clone(), &settings.http.rates));
    let events = Data::new(Events {
        feeds: Feeds::new(database.clone()),
        authenticator: authenticator.clone(),
        shutdown: context.shutdown.clone(),
        heartbeat: settings.events.heartbeat,
        metrics: Streams::register(&context)?,
    });
    let loops = background::spawn(Arc::new(work), events.clone().into_inner(), &context);
    let database = Data::new(database);
    let app = move |app: &mut actix_web::web::ServiceConfig| {
        app.app_data(database.clone()).app_data(authenticator.clone()).app_data(events.clone());
        routes::routes(app);
    };
    dlcs_http::serve(&settings.http, listener, &context, app).await?;
    loops.join_all().await;
    Ok(())
}

/// Only an administrator can ask for a customer that does not exist, so only then is it looked up.
async fn require_customer(db: &mut AsyncPgConnection, authorized: Authorized) -> Result<(), Problem> {
    if authorized.caller.customer == authorized.customer {
        return Ok(());
    }
    let known = customer::get(db, authorized.customer).await?;
    known.map(drop).ok_or_else(|| Problem::not_found("There is no such customer."))
}
