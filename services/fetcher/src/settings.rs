//! What an operator tells the fetcher.

use std::num::ParseFloatError;
use std::time::Duration;

use dlcs_model::limits::SOURCE_BYTES;

use crate::guard::{Guard, Network};

/// How origins are contacted.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Fetching")]
pub struct FetchSettings {
    /// Fetches at the same time; a fifth of that is kept in addition for the priority lane.
    #[arg(long = "fetch-slots", env = "DLCS_FETCH_SLOTS", default_value_t = 16)]
    pub slots: u16,

    /// Fetches from one host at the same time.
    #[arg(long = "fetch-per-host", env = "DLCS_FETCH_PER_HOST", default_value_t = 8)]
    pub per_host: u16,

    /// Networks that the address guard lets through on any port, though they may be private: CIDR, separated by commas.
    #[arg(long = "fetch-allow-networks", env = "DLCS_FETCH_ALLOW_NETWORKS", value_delimiter = ',')]
    pub allow_networks: Vec<Network>,

    /// Ports on which public addresses are contacted, besides 80, 443, 21 and 22; separated by commas.
    #[arg(long = "fetch-ports", env = "DLCS_FETCH_PORTS", value_delimiter = ',')]
    pub ports: Vec<u16>,

    /// Seconds in which a connection must be made.
    #[arg(long = "fetch-connect-seconds", env = "DLCS_FETCH_CONNECT_SECONDS", default_value = "10", value_parser = seconds)]
    pub connect: Duration,

    /// Seconds in which an origin must have answered with its headers.
    #[arg(long = "fetch-header-seconds", env = "DLCS_FETCH_HEADER_SECONDS", default_value = "15", value_parser = seconds)]
    pub header: Duration,

    /// Seconds that a whole fetch may take.
    #[arg(long = "fetch-total-seconds", env = "DLCS_FETCH_TOTAL_SECONDS", default_value = "600", value_parser = seconds)]
    pub total: Duration,

    /// Bytes a second that an origin must send on average over each rate window.
    #[arg(long = "fetch-min-rate", env = "DLCS_FETCH_MIN_RATE", default_value_t = 1024)]
    pub min_rate: u32,

    /// Seconds of a rate window.
    #[arg(long = "fetch-rate-seconds", env = "DLCS_FETCH_RATE_SECONDS", default_value = "30", value_parser = seconds)]
    pub rate_window: Duration,

    /// Bytes that a source may have.
    #[arg(long = "fetch-max-bytes", env = "DLCS_FETCH_MAX_BYTES", default_value_t = SOURCE_BYTES)]
    pub max_bytes: u64,

    /// Named in the User-Agent, so that the owner of an origin can find out who fetches.
    #[arg(long = "fetch-contact-url", env = "DLCS_PUBLIC_URL", default_value = "http://localhost:8080")]
    pub contact_url: String,
}

impl FetchSettings {
    /// The guard that these settings ask for.
    #[must_use]
    pub fn guard(&self) -> Guard {
        Guard { allow: self.allow_networks.clone(), ports: self.ports.clone() }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse().map_err(|error: ParseFloatError| error.to_string())?;
    Duration::try_from_secs_f64(number).map_err(|error| error.to_string())
}
