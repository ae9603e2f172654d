//! What an operator tells the fetcher.

use std::num::ParseFloatError;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use dlcs_broker::BrokerSettings;
use dlcs_db::DatabaseSettings;
use dlcs_model::CustomerId;
use dlcs_model::limits::SOURCE_BYTES;
use dlcs_service::ServiceSettings;
use dlcs_storage::StorageSettings;
use dlcs_vault::VaultSettings;
use dlcs_worker::WorkerSettings;

use crate::guard::{Guard, Network};

/// Settings of the fetcher.
#[derive(Debug, Clone, clap::Parser)]
#[command(name = "fetcher", about = "Brings the bytes of images from their origins")]
pub struct Settings {
    /// Of every service.
    #[command(flatten)]
    pub service: ServiceSettings,
    /// Of the database.
    #[command(flatten)]
    pub database: DatabaseSettings,
    /// Of the broker.
    #[command(flatten)]
    pub broker: BrokerSettings,
    /// Of the object store.
    #[command(flatten)]
    pub storage: StorageSettings,
    /// Of every worker.
    #[command(flatten)]
    pub worker: WorkerSettings,
    /// Of the vault that holds credentials.
    #[command(flatten)]
    pub vault: VaultSettings,
    /// Of this service.
    #[command(flatten)]
    pub fetch: FetchSettings,
}

impl AsRef<ServiceSettings> for Settings {
    fn as_ref(&self) -> &ServiceSettings {
        &self.service
    }
}

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
    #[arg(long = "fetch-allow-networks", env = "DLCS_FETCH_ALLOW_NETWORKS", default_value = "")]
    pub allow_networks: List<Network>,

    /// Buckets that customers may have read with the credentials of this system (strategy `s3-ambient`): `bucket` for all
    /// customers, `7/bucket` for customer 7; separated by commas. Whoever may register then sees all that is in them.
    #[arg(long = "fetch-ambient-buckets", env = "DLCS_FETCH_AMBIENT_BUCKETS", default_value = "")]
    pub ambient_buckets: List<AmbientBucket>,

    /// Ports on which public addresses are contacted, besides 80, 443, 21, 990 and 22; separated by commas.
    #[arg(long = "fetch-ports", env = "DLCS_FETCH_PORTS", default_value = "")]
    pub ports: List<u16>,

    /// Ports on which an FTPS server expects TLS from the first byte on, instead of after AUTH TLS; separated by commas.
    #[arg(long = "fetch-implicit-ftps-ports", env = "DLCS_FETCH_IMPLICIT_FTPS_PORTS", default_value = "990")]
    pub implicit_ftps_ports: List<u16>,

    /// A file with certificates (PEM) of authorities that are trusted for https and ftps, besides those of the system.
    #[arg(long = "fetch-ca-file", env = "DLCS_FETCH_CA_FILE")]
    pub ca_file: Option<PathBuf>,

    /// Seconds in which a connection must be made.
    #[arg(long = "fetch-connect-seconds", env = "DLCS_FETCH_CONNECT_SECONDS", default_value = "10", value_parser = seconds)]
    pub connect: Duration,

    /// Seconds in which an origin must have begun to send: connecting, logging in and redirects included.
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
        Guard { allow: self.allow_networks.0.clone(), ports: self.ports.0.clone() }
    }
}

/// A bucket that the system's own credentials are used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AmbientBucket {
    /// For whom; for everyone if that is not said.
    customer: Option<CustomerId>,
    bucket: String,
}

impl AmbientBucket {
    /// Whether it is this bucket, and for this customer.
    #[must_use]
    pub fn admits(&self, customer: CustomerId, bucket: &str) -> bool {
        self.bucket == bucket && self.customer.is_none_or(|only| only == customer)
    }
}

impl FromStr for AmbientBucket {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Some((customer, bucket)) = text.split_once('/') else {
            return Ok(Self { customer: None, bucket: text.to_owned() });
        };
        let number = customer.parse().map_err(|_| format!("{customer:?} is no number of a customer"))?;
        Ok(Self { customer: Some(CustomerId(number)), bucket: bucket.to_owned() })
    }
}

/// Values separated by commas; none at all in an empty text, which is how a variable says that it is not used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List<T>(pub Vec<T>);

impl<T: FromStr> FromStr for List<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::parse).collect::<Result<_, _>>().map(Self)
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let number = text.parse().map_err(|error: ParseFloatError| error.to_string())?;
    Duration::try_from_secs_f64(number).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_may_be_empty() {
        assert!("".parse::<List<u16>>().unwrap().0.is_empty());
        assert_eq!("1, 2,".parse::<List<u16>>().unwrap().0, [1, 2]);
        assert!("1,x".parse::<List<u16>>().is_err());
    }

    #[test]
    fn a_bucket_is_for_all_or_for_one() {
        let buckets: List<AmbientBucket> = "masters, 7/theirs".parse().unwrap();
        let admits = |customer, bucket| buckets.0.iter().any(|one| one.admits(CustomerId(customer), bucket));
        assert!(admits(1, "masters") && admits(7, "masters") && admits(7, "theirs"));
        assert!(!admits(1, "theirs") && !admits(7, "other") && !admits(7, ""));
        assert!("x/theirs".parse::<AmbientBucket>().is_err());
    }

    #[test]
    fn seconds_are_positive_numbers() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        assert!(seconds("-1").is_err() && seconds("soon").is_err());
    }
}
