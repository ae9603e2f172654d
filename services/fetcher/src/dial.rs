//! Connecting past the guard: what every protocol but HTTP dials with, for every connection it makes.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use dlcs_model::{Failure, FailureCode};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Host;

use crate::guard::{Guard, Reach, blocked};
use crate::settings::FetchSettings;

/// Connects to what the guard admits, and to nothing else.
#[derive(Debug, Clone)]
pub struct Dialler {
    guard: Guard,
    limit: Duration,
}

/// Where a host was found; each of the addresses was judged.
#[derive(Debug, Clone)]
pub struct Found {
    host: Host<String>,
    /// The rule that they satisfy.
    reach: Reach,
    addresses: Vec<SocketAddr>,
}

impl Dialler {
    /// With the guard and the time for a connection that the settings ask for.
    #[must_use]
    pub fn new(settings: &FetchSettings) -> Self {
        Self { guard: settings.guard(), limit: settings.connect }
    }

    /// Judges a host and resolves it, once.
    ///
    /// # Errors
    /// `blocked-address`; `origin-unreachable` if there is no such name.
    pub async fn find(&self, host: &str, port: u16) -> Result<Found, Failure> {
        let (host, reach) = self.guard.judge(host, port)?;
        let addresses: Vec<IpAddr> = match &host {
            Host::Ipv4(address) => vec![(*address).into()],
            Host::Ipv6(address) => vec![(*address).into()],
            Host::Domain(name) => self.guard.resolve(name, reach).await?.iter().map(SocketAddr::ip).collect(),
        };
        let addresses = addresses.into_iter().map(|address| SocketAddr::new(address.to_canonical(), port)).collect();
        Ok(Found { host, reach, addresses })
    }

    /// Connects to the first of the addresses that answers.
    ///
    /// # Errors
    /// `origin-unreachable` or `origin-timeout` as it was with the last of them.
    pub async fn connect(&self, found: &Found) -> Result<TcpStream, Failure> {
        let mut last = unreachable();
        for address in found.addresses() {
            match self.reach(*address).await {
                Ok(stream) => return Ok(stream),
                Err(failure) => last = failure,
            }
        }
        Err(last)
    }

    /// One more connection to a peer that is there already, on a port that it named.
    ///
    /// # Errors
    /// `blocked-address`; otherwise as [`Self::connect`].
    pub async fn connect_again(&self, found: &Found, peer: IpAddr, port: u16) -> Result<TcpStream, Failure> {
        if !self.guard.admits(peer, found.reach) {
            return Err(blocked());
        }
        self.reach(SocketAddr::new(peer, port)).await
    }

    async fn reach(&self, address: SocketAddr) -> Result<TcpStream, Failure> {
        let connected = timeout(self.limit, TcpStream::connect(address)).await;
        let late = || Failure::new(FailureCode::OriginTimeout, "no connection to the origin in time");
        let stream = connected.map_err(|_| late())?.map_err(|error| broken(&error))?;
        // Small requests are answered at once; a failure to say so costs time only.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

impl Found {
    /// All that may be connected to.
    #[must_use]
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The host's name as certificates have it; an IPv6 address without brackets.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.host {
            Host::Domain(name) => name.trim_end_matches('.').to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        }
    }
}

/// When nothing more is known.
pub(crate) fn unreachable() -> Failure {
    Failure::new(FailureCode::OriginUnreachable, "no connection to the origin")
}

/// What a failed connection means.
pub(crate) fn broken(error: &io::Error) -> Failure {
    let detail = match error.kind() {
        io::ErrorKind::ConnectionRefused => "the origin refuses connections",
        _ => "the connection to the origin broke",
    };
    Failure::new(FailureCode::OriginUnreachable, detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    fn dialler(allow: &[&str]) -> Dialler {
        let allow = allow.iter().map(|network| network.parse().unwrap()).collect();
        Dialler { guard: Guard { allow, ports: Vec::new() }, limit: Duration::from_secs(5) }
    }

    #[tokio::test]
    async fn what_is_admitted_is_reached_and_nothing_else() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let open = dialler(&["127.0.0.1/32"]);
        for host in ["127.0.0.1", "2130706433", "0x7f.1", "%31%32%37.0.0.1", "[::ffff:127.0.0.1]"] {
            let found = open.find(host, port).await.unwrap();
            open.connect(&found).await.unwrap();
        }
        let found = open.find("127.0.0.1", port).await.unwrap();
        for peer in ["127.0.0.2", "10.0.0.1", "::1"] {
            let refused = open.connect_again(&found, peer.parse().unwrap(), port).await.unwrap_err();
            assert_eq!(refused.code, FailureCode::BlockedAddress, "{peer}");
        }
        for host in ["127.0.0.2", "[::1]", "10.0.0.1", "", "a b", "[::1", "127.0.0.1:80"] {
            assert_eq!(open.find(host, port).await.unwrap_err().code, FailureCode::BlockedAddress, "{host}");
        }
    }

    #[tokio::test]
    async fn nobody_there() {
        let port = { TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port() };
        let open = dialler(&["127.0.0.1/32"]);
        let failure = open.connect(&open.find("127.0.0.1", port).await.unwrap()).await.unwrap_err();
        assert_eq!(
            (failure.code, failure.detail.as_str()),
            (FailureCode::OriginUnreachable, "the origin refuses connections")
        );
    }
}
