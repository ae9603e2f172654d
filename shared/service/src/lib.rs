//! What every binary does around its own work: settings, logs, metrics, health, shutdown.
//!
//! A service's `main` is `dlcs_service::run("fetcher", start)`; `start` gets its [`Context`], builds everything, says
//! [`Context::ready`] and works until [`Context::shutdown`] is cancelled.

mod admin;
mod pace;
mod settings;
mod telemetry;
mod work_dir;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
pub use tokio_util::sync::CancellationToken;

pub use pace::{Backoff, pause};
pub use settings::ServiceSettings;
pub use work_dir::WorkDir;

/// How long a service may take to finish what it has begun once it was told to stop.
pub const DRAIN: Duration = Duration::from_secs(30);

/// What a service is given to run with.
#[derive(Clone)]
pub struct Context {
    /// The service's name, as in metrics and logs.
    pub name: &'static str,
    /// Where the service registers its metrics.
    pub registry: prometheus::Registry,
    /// Cancelled when the process is told to stop.
    pub shutdown: CancellationToken,
    ready: Arc<AtomicBool>,
}

impl Context {
    /// A context without a process around it, for tests.
    #[must_use]
    pub fn detached(name: &'static str) -> Self {
        Self { name, registry: prometheus::Registry::new(), shutdown: CancellationToken::new(), ready: Arc::default() }
    }

    /// Says whether `/readyz` answers 200. Call with `true` once work can be taken, with `false` while it cannot.
    pub fn ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Release);
    }

    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Acquire) && !self.shutdown.is_cancelled()
    }
}

/// The whole of a service's `main`: reads the settings, starts logs and the admin port, runs `start` until it ends or
/// a signal asks for the end, and gives it [`DRAIN`] to finish. A second signal ends the process at once.
pub fn run<S, F, Fut>(name: &'static str, start: F) -> ExitCode
where
    S: Parser + AsRef<ServiceSettings>,
    F: FnOnce(S, Context) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let settings = S::parse();
    telemetry::init(name, settings.as_ref());
    // An error means that a provider is already there, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let result = actix_web::rt::System::with_tokio_rt(runtime).block_on(supervise(name, settings, start));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "{name} ends");
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::expect_used, reason = "nothing can be done without a runtime")]
fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("tokio's runtime starts")
}

async fn supervise<S, F, Fut>(name: &'static str, settings: S, start: F) -> anyhow::Result<()>
where
    S: Parser + AsRef<ServiceSettings>,
    F: FnOnce(S, Context) -> Fut,
    Fut: Future<Output = anyhow::Result<()>>,
{
    let context = Context::detached(name);
    let admin = admin::start(settings.as_ref(), context.clone())?;
    tokio::spawn(admin);
    let shutdown = context.shutdown.clone();
    let work = start(settings, context);
    tokio::pin!(work);
    tokio::select! {
        result = &mut work => return result,
        () = stop_signal() => {}
    }
    tracing::info!("stopping, {} s to finish", DRAIN.as_secs());
    shutdown.cancel();
    tokio::select! {
        result = work => result,
        () = stop_signal() => anyhow::bail!("second signal, ended at once"),
        () = tokio::time::sleep(DRAIN) => anyhow::bail!("did not finish within {} s", DRAIN.as_secs()),
    }
}

async fn stop_signal() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
