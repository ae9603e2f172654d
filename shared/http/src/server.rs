//! Running an HTTP server: settings, limits, metrics, graceful stop.

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::web::{Data, ServiceConfig, to};
use actix_web::{App, HttpServer};
use anyhow::Context as _;
use dlcs_api::Links;
use dlcs_service::{Context, DRAIN};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts};

use crate::RateSettings;
use crate::body::Budget;
use crate::observe::observe;
use crate::routes::unknown_path;
use crate::totals::Totals;

/// How long the head of a request may take, which bounds what a slow client can hold.
const HEAD: Duration = Duration::from_secs(10);
/// How long an idle connection is kept; longer than a proxy's, so that the proxy closes first.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// How a service is reached over HTTP; flattened into its own settings.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "HTTP")]
pub struct HttpSettings {
    /// Address to listen on.
    #[arg(long, env = "DLCS_LISTEN", default_value = "0.0.0.0:8080")]
    pub listen: SocketAddr,

    /// The public root of all URLs in answers.
    #[arg(long, env = "DLCS_PUBLIC_URL", default_value = "http://localhost:8080")]
    pub public_url: String,

    /// Take the public root from X-Forwarded-Proto and X-Forwarded-Host where both are sent, else from Forwarded, and the client's address from the end of X-Forwarded-For. Only behind a proxy that sets them.
    #[arg(long, env = "DLCS_HTTP_TRUST_FORWARDED", default_value_t = false, action = clap::ArgAction::Set)]
    pub trust_forwarded: bool,

    /// Largest JSON body, in bytes.
    #[arg(long, env = "DLCS_HTTP_MAX_BODY", default_value_t = dlcs_model::limits::BODY_BYTES)]
    pub max_body: usize,

    /// How often one may ask.
    #[command(flatten)]
    pub rates: RateSettings,
}

/// What every request can reach.
pub(crate) struct Shared {
    pub(crate) links: Links,
    pub(crate) trust_forwarded: bool,
    pub(crate) max_body: usize,
    pub(crate) budget: Budget,
    pub(crate) metrics: Metrics,
    pub(crate) totals: Totals,
}

pub(crate) struct Metrics {
    requests: IntCounterVec,
    duration: HistogramVec,
}

impl Metrics {
    fn register(context: &Context) -> Result<Self, prometheus::Error> {
        let name = |thing: &str| format!("dlcs_{}_{thing}", context.name);
        let requests = Opts::new(name("requests_total"), "Requests answered, by method, route and status.");
        let requests = IntCounterVec::new(requests, &["method", "route", "status"])?;
        let duration = HistogramOpts::new(name("request_duration_seconds"), "Time to answer, by method and route.")
            .buckets(prometheus::exponential_buckets(0.001, 2.5, 12)?);
        let duration = HistogramVec::new(duration, &["method", "route"])?;
        context.registry.register(Box::new(requests.clone()))?;
        context.registry.register(Box::new(duration.clone()))?;
        Ok(Self { requests, duration })
    }

    pub(crate) fn observe(&self, method: &str, route: &str, status: u16, elapsed: Duration) {
        let method = match method {
            "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" => method,
            _ => "other",
        };
        self.requests.with_label_values(&[method, route, &status.to_string()]).inc();
        self.duration.with_label_values(&[method, route]).observe(elapsed.as_secs_f64());
    }
}

/// Opens the port.
///
/// # Errors
/// If it cannot be opened.
pub fn bind(settings: &HttpSettings) -> anyhow::Result<TcpListener> {
    let address = settings.listen;
    TcpListener::bind(address).with_context(|| format!("the port cannot be opened at {address}"))
}

/// Serves `routes` on `listener` until the service is told to stop; what has begun by then is finished.
///
/// # Errors
/// If the server cannot start or breaks.
pub async fn serve<F>(
    settings: &HttpSettings,
    listener: TcpListener,
    context: &Context,
    routes: F,
) -> anyhow::Result<()>
where
    F: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let shared = Data::new(Shared {
        links: Links::new(&settings.public_url),
        trust_forwarded: settings.trust_forwarded,
        max_body: settings.max_body,
        budget: Budget::new(settings.max_body),
        metrics: Metrics::register(context)?,
        totals: Totals::default(),
    });
    let server = HttpServer::new(move || {
        App::new()
            .app_data(shared.clone())
            .configure(routes.clone())
            .default_service(to(unknown_path))
            .wrap(from_fn(observe))
    })
    .client_request_timeout(HEAD)
    .keep_alive(KEEP_ALIVE)
    .shutdown_timeout(DRAIN.as_secs())
    .disable_signals()
    .listen(listener)?
    .run();
    let (handle, shutdown) = (server.handle(), context.shutdown.clone());
    tokio::spawn(async move {
        shutdown.cancelled().await;
        handle.stop(true).await;
    });
    Ok(server.await?)
}
