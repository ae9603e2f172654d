//! Settings that every service has.

use std::net::SocketAddr;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Pretty,
}

/// What every service can be told; flattened into each service's own settings.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Service")]
pub struct ServiceSettings {
    /// Address of the admin port: /livez, /readyz, /metrics.
    #[arg(long, env = "DLCS_ADMIN_LISTEN", default_value = "0.0.0.0:9000")]
    pub admin_listen: SocketAddr,

    /// Form of the log lines.
    #[arg(long, env = "DLCS_LOG_FORMAT", value_enum, default_value = "json")]
    pub log_format: LogFormat,

    /// What is logged, as tracing filter directives.
    #[arg(long, env = "DLCS_LOG_FILTER", default_value = "info")]
    pub log_filter: String,
}
