//! Log lines on standard error.

use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, ServiceSettings};

pub(crate) fn init(name: &'static str, settings: &ServiceSettings) {
    let filter = EnvFilter::try_new(&settings.log_filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Only the first subscriber counts; a second one can only come from a test.
    let _ = match settings.log_format {
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
        LogFormat::Pretty => builder.compact().try_init(),
    };
    tracing::info!(service = name, version = env!("CARGO_PKG_VERSION"), "starting");
}
