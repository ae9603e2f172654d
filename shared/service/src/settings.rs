//! Settings that every service has, and the table of all settings for the documentation.

use std::fmt::Write as _;
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

/// The settings of one command as a Markdown table, from the same declarations that parse them.
#[must_use]
pub fn settings_table(command: &clap::Command) -> String {
    let mut table = String::from("| variable | default | meaning |\n|---|---|---|\n");
    for argument in command.get_arguments() {
        let Some(variable) = argument.get_env() else { continue };
        let default: Vec<_> = argument.get_default_values().iter().map(|v| v.to_string_lossy()).collect();
        let default = match (default.join(","), argument.is_required_set()) {
            (_, true) => "required".to_owned(),
            (text, false) if text.is_empty() => String::new(),
            (text, false) => format!("`{text}`"),
        };
        let help = argument.get_long_help().or(argument.get_help()).map(ToString::to_string).unwrap_or_default();
        let _ = writeln!(table, "| `{}` | {default} | {} |", variable.to_string_lossy(), help.replace('\n', " "));
    }
    table
}
