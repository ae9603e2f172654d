//! The HTTP server around [`Delivery`].

use std::net::TcpListener;

use actix_web::web::{Data, to};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use dlcs_service::{Context, DRAIN};
use dlcs_storage::Store;
use futures::future::BoxFuture;

use crate::DeliverySettings;
use crate::delivery::Delivery;

/// Serves requests at `listener` until the context says to stop, then finishes what has begun.
///
/// # Errors
/// If the server cannot run at all.
pub fn serve(
    settings: &DeliverySettings,
    store: Store,
    listener: TcpListener,
    context: Context,
) -> BoxFuture<'_, anyhow::Result<()>> {
    Box::pin(run(settings, store, listener, context))
}

async fn run(settings: &DeliverySettings, store: Store, listener: TcpListener, context: Context) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let delivery = Data::new(Delivery::new(settings, store, &context.registry)?);
    // Paths are parsed by hand: ids may hold what routers treat specially.
    let server = HttpServer::new(move || App::new().app_data(delivery.clone()).default_service(to(handle)))
        .disable_signals()
        // Whoever closes a connection while waiting on it has left; the default is to go on for those who closed only half.
        .h1_allow_half_closed(false)
        .shutdown_timeout(DRAIN.as_secs() - 5)
        .listen(listener)?
        .run();
    let running = server.handle();
    let mut server = tokio::spawn(server);
    context.ready(true);
    tracing::info!(%address, "serving images");
    tokio::select! {
        ended = &mut server => return Ok(ended??),
        () = context.shutdown.cancelled() => {}
    }
    running.stop(true).await;
    Ok(server.await??)
}

async fn handle(request: HttpRequest, delivery: Data<Delivery>) -> HttpResponse {
    delivery.handle(&request).await
}
