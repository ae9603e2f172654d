//! The admin port: liveness, readiness, metrics. Never exposed to the public.

use actix_web::dev::Server;
use actix_web::web::{Data, get};
use actix_web::{App, HttpResponse, HttpServer};
use anyhow::Context as _;
use prometheus::{Encoder, TextEncoder};

use crate::{Context, ServiceSettings};

pub(crate) fn start(settings: &ServiceSettings, context: Context) -> anyhow::Result<Server> {
    let address = settings.admin_listen;
    let context = Data::new(context);
    let server = HttpServer::new(move || {
        App::new()
            .app_data(context.clone())
            .route("/livez", get().to(async || HttpResponse::Ok().body("live\n")))
            .route("/readyz", get().to(readyz))
            .route("/metrics", get().to(metrics))
    })
    .workers(1)
    .disable_signals()
    .bind(address)
    .with_context(|| format!("the admin port cannot be opened at {address}"))?;
    Ok(server.run())
}

async fn readyz(context: Data<Context>) -> HttpResponse {
    if context.is_ready() {
        HttpResponse::Ok().body("ready\n")
    } else {
        HttpResponse::ServiceUnavailable().body("not ready\n")
    }
}

async fn metrics(context: Data<Context>) -> HttpResponse {
    let mut text = Vec::new();
    match TextEncoder::new().encode(&context.registry.gather(), &mut text) {
        Ok(()) => HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}
