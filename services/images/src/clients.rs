//! What a client may have composed: a bucket of pixels for each, which fills up again. Stored and kept answers take nothing
//! out of it, and neither does what is small.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use moka::sync::Cache;
use prometheus::Registry;

use crate::metrics::ClientMetrics;
use crate::refusal::Refusal;
use crate::{ClientLimit, DeliverySettings};

/// An empty bucket is full again after this long.
const PERIOD: Duration = Duration::from_secs(600);

/// Compositions of this many pixels or fewer are free: viewers and lists of small pictures are made of them.
const FREE: u64 = 2_000_000;

/// Buckets that are remembered; the least used go first, and begin full again.
const REMEMBERED: u64 = 100_000;

/// Who asks: an address; of IPv6, the network that one client can choose its addresses in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Client(IpAddr);

impl From<IpAddr> for Client {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let length = if self.0.is_ipv6() { "/64" } else { "" };
        write!(f, "{}{length}", self.0)
    }
}

/// Pixels that are left to a client.
struct Bucket {
    /// Below zero after an answer that was larger than a full bucket.
    pixels: f64,
    at: Instant,
    /// When the log last said that this client wants more.
    told: Option<Instant>,
}

/// The buckets of all clients.
pub(crate) struct Clients {
    buckets: Cache<Client, Arc<Mutex<Bucket>>>,
    /// Pixels of a full bucket; 0 is no limit.
    full: f64,
    limit: ClientLimit,
    trust_forwarded: bool,
    metrics: ClientMetrics,
}

impl Clients {
    pub fn new(settings: &DeliverySettings, registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {
            // From its deepest debt a bucket is full after two periods, as a new one is.
            buckets: Cache::builder().max_capacity(REMEMBERED).time_to_idle(PERIOD * 2).build(),
            full: f64::from(settings.client_megapixels) * 1e6,
            limit: settings.client_limit,
            trust_forwarded: settings.trust_forwarded,
            metrics: ClientMetrics::new(registry)?,
        })
    }

    /// Whom a request comes from: its address as the trusted proxy saw it, which is the last of the list, else as we do.
    pub fn of(&self, request: &HttpRequest) -> Client {
        let forwarded = request.headers().get_all("x-forwarded-for").filter(|_| self.trust_forwarded).last();
        let forwarded = forwarded.and_then(|value| address(value.to_str().ok()?.rsplit(',').next()?.trim()));
        let seen = forwarded.or_else(|| request.peer_addr().map(|peer| peer.ip()));
        Client::from(seen.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)))
    }

    /// Takes the pixels of a composition out of the client's bucket.
    ///
    /// # Errors
    /// [`Refusal::Spent`], where that is enforced, when there are not enough. A full bucket is enough for anything.
    pub fn charge(&self, client: Client, pixels: u64) -> Result<(), Refusal> {
        if self.full == 0.0 || pixels <= FREE {
            return Ok(());
        }
        let now = Instant::now();
        let fresh = || Arc::new(Mutex::new(Bucket { pixels: self.full, at: now, told: None }));
        let bucket = self.buckets.get_with(client, fresh);
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let Err(wait) = bucket.take(self.full, pixels as f64, now) else { return Ok(()) };
        if bucket.told.is_none_or(|told| now.saturating_duration_since(told) >= PERIOD) {
            bucket.told = Some(now);
            tracing::warn!(%client, pixels, limit = ?self.limit, "a client asks for more than its share of pixels");
        }
        match self.limit {
            ClientLimit::Observe => {
                self.metrics.observed.inc();
                Ok(())
            }
            ClientLimit::Enforce => {
                self.metrics.refused.inc();
                Err(Refusal::Spent { seconds: (wait.as_secs_f64().ceil() as u64).max(1) })
            }
        }
    }

    /// Gives back what was taken for an answer that we could not make.
    pub fn give_back(&self, client: Client, pixels: u64) {
        if pixels > FREE
            && let Some(bucket) = self.buckets.get(&client)
        {
            let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
            bucket.pixels = (bucket.pixels + pixels as f64).min(self.full);
        }
    }
}

impl Bucket {
    /// Takes `pixels`, if so many or all that fit are there; else says how long that takes. Debts end at a full bucket.
    fn take(&mut self, full: f64, pixels: f64, now: Instant) -> Result<(), Duration> {
        let a_second = full / PERIOD.as_secs_f64();
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * a_second;
        (self.pixels, self.at) = ((self.pixels + gained).min(full), self.at.max(now));
        let missing = pixels.min(full) - self.pixels;
        if missing > 0.0 {
            return Err(Duration::from_secs_f64(missing / a_second));
        }
        self.pixels = (self.pixels - pixels).max(-full);
        Ok(())
    }
}

/// An address, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().or_else(|| text.parse().map(|socket: SocketAddr| socket.ip()).ok())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use clap::Parser as _;

    use super::*;
    use crate::Settings;

    fn clients(arguments: &[&str]) -> Clients {
        let fixed = ["images", "--storage-url", "file:///nowhere"];
        let settings = Settings::parse_from(fixed.iter().chain(arguments));
        Clients::new(&settings.delivery, &Registry::new()).unwrap()
    }

    #[test]
    fn a_client_cannot_choose_its_address() {
        let from = |trust: &str, peer: &str, forwarded: &[&'static str]| {
            let request = TestRequest::default().peer_addr(peer.parse().unwrap());
            let request = forwarded.iter().fold(request, |r, value| r.append_header(("X-Forwarded-For", *value)));
            clients(&["--trust-forwarded", trust]).of(&request.to_http_request()).to_string()
        };
        let proxy = "192.0.2.1:5000";
        assert_eq!(from("false", proxy, &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(from("true", proxy, &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(from("true", proxy, &["1.1.1.1, 203.0.113.9"]), "203.0.113.9", "the proxy adds at the end");
        assert_eq!(from("true", proxy, &["1.1.1.1", "2.2.2.2,203.0.113.9:77"]), "203.0.113.9");
        assert_eq!(from("true", proxy, &["unknown"]), "192.0.2.1");
        assert_eq!(from("true", proxy, &[]), "192.0.2.1");
        assert_eq!(from("false", "[::ffff:192.0.2.1]:5000", &[]), "192.0.2.1");
        let network = from("false", "[2001:db8:1:2:3:4:5:6]:5000", &[]);
        assert_eq!(network, "2001:db8:1:2::/64");
        assert_eq!(from("true", proxy, &["[2001:db8:1:2:ffff::1]:80"]), network);
        assert_ne!(from("true", proxy, &["2001:db8:1:3:3:4:5:6"]), network);
    }

    #[test]
    fn a_bucket_fills_up_again_and_a_full_one_is_enough_for_anything() {
        let start = Instant::now();
        let mut bucket = Bucket { pixels: 600.0, at: start, told: None };
        let mut take = |pixels, second| bucket.take(600.0, pixels, start + Duration::from_secs(second));
        let wait = |seconds| Err(Duration::from_secs(seconds));
        assert_eq!((take(400.0, 0), take(201.0, 0), take(200.0, 0)), (Ok(()), wait(1), Ok(())));
        assert_eq!((take(30.0, 10), take(30.0, 30), take(1.0, 20)), (wait(20), Ok(()), wait(1)));
        assert_eq!((take(10_000.0, 629), take(10_000.0, 630)), (wait(1), Ok(())), "more than a full one holds");
        assert_eq!(take(1.0, 630), wait(601), "no debt is deeper than a full one");
        assert_eq!((take(10_000.0, 1829), take(600.0, 1_000_000)), (wait(1), Ok(())), "and never more than full");
        assert_eq!(take(1.0, 1_000_000), wait(1));
    }

    #[test]
    fn small_answers_are_free_and_what_was_not_made_is_given_back() {
        let clients = clients(&["--client-megapixels", "5", "--client-limit", "enforce"]);
        let client = Client(IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert!(clients.charge(client, 5_000_000).is_ok());
        assert!(matches!(clients.charge(client, FREE + 1), Err(Refusal::Spent { seconds: 240 | 241 })));
        assert!((0..100).all(|_| clients.charge(client, FREE).is_ok()));
        clients.give_back(client, 5_000_000);
        assert!(clients.charge(client, 5_000_000).is_ok());
    }
}
