//! How often one may ask: token buckets in this process's memory. With several replicas each allows as much.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::HttpRequest;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Data;
use dlcs_api::ProblemKind;
use moka::sync::Cache;

use crate::Problem;
use crate::server::Shared;

/// Buckets that are remembered; the least used go first, and begin full again.
const REMEMBERED: u64 = 50_000;

/// How often clients may ask; flattened into the settings of HTTP. Each replica counts by itself.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Rate limits")]
pub struct RateSettings {
    /// Requests a second that one API key may make on average, at each replica; 0 for no limit. More are answered with 429 and Retry-After.
    #[arg(long = "rate-per-second", env = "DLCS_RATE_PER_SECOND", default_value_t = 1000)]
    pub per_second: u32,

    /// Requests that an API key may make at once before that average counts.
    #[arg(long = "rate-burst", env = "DLCS_RATE_BURST", default_value_t = 5000)]
    pub burst: u32,

    /// Wrong credentials that one client address may send a minute, at each replica; 0 for no limit. After them, only credentials that were right from that address within the last ten minutes are looked at.
    #[arg(long = "rate-failures-per-minute", env = "DLCS_RATE_FAILURES_PER_MINUTE", default_value_t = 3000)]
    pub failures_per_minute: u32,
}

/// A token bucket for each of many.
#[derive(Clone)]
pub(crate) struct Buckets<K> {
    buckets: Cache<K, Arc<Mutex<Bucket>>>,
    per_second: f64,
    burst: f64,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> Buckets<K> {
    /// Buckets that hold `burst` tokens and get `per_second`; if that is 0, there is no limit.
    pub(crate) fn new(per_second: f64, burst: f64) -> Self {
        let burst = burst.max(1.0);
        // By then a bucket is full, as a new one is.
        let full = Duration::try_from_secs_f64(burst / per_second + 1.0).unwrap_or(Duration::from_secs(3600));
        let buckets = Cache::builder().max_capacity(REMEMBERED).time_to_idle(full).build();
        Self { buckets, per_second, burst }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// How long it takes until there is one.
    pub(crate) fn take(&self, key: &K) -> Result<(), Duration> {
        self.try_take(key, Instant::now(), 1.0)
    }

    /// The same, without taking it.
    pub(crate) fn look(&self, key: &K) -> Result<(), Duration> {
        self.try_take(key, Instant::now(), 0.0)
    }

    fn try_take(&self, key: &K, now: Instant, tokens: f64) -> Result<(), Duration> {
        if self.per_second <= 0.0 {
            return Ok(());
        }
        let fresh = || Arc::new(Mutex::new(Bucket { tokens: self.burst, at: now }));
        let bucket = self.buckets.get_with_by_ref(key, fresh);
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let gained = now.saturating_duration_since(bucket.at).as_secs_f64() * self.per_second;
        *bucket = Bucket { tokens: (bucket.tokens + gained).min(self.burst), at: bucket.at.max(now) };
        if bucket.tokens < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - bucket.tokens) / self.per_second));
        }
        bucket.tokens -= tokens;
        Ok(())
    }
}

/// 429 with `Retry-After`.
pub(crate) fn refuse(detail: &str, wait: Duration) -> Problem {
    let seconds = (wait.as_secs_f64().ceil() as u64).max(1);
    Problem::new(ProblemKind::RateLimited, format!("{detail} Try again in {seconds} s."))
        .header(header::RETRY_AFTER, HeaderValue::from(seconds))
}

/// Whom a request comes from: its address as the trusted proxy saw it, else as we do; of IPv6, the network that one
/// client can choose its addresses in.
pub(crate) fn client(request: &HttpRequest) -> Option<IpAddr> {
    let trusted = request.app_data::<Data<Shared>>().is_some_and(|shared| shared.trust_forwarded);
    let forwarded = request.headers().get_all("x-forwarded-for").filter(|_| trusted).last();
    let forwarded = forwarded.and_then(|value| value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    let address: IpAddr = forwarded.or_else(|| request.peer_addr().map(|peer| peer.ip()))?;
    Some(match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn a_burst_passes_and_then_the_average_counts() {
        let buckets = Buckets::new(2.0, 3.0);
        let start = Instant::now();
        let take = |key: &'static str, millis| buckets.try_take(&key, start + Duration::from_millis(millis), 1.0);
        assert_eq!([take("a", 0), take("a", 0), take("a", 0)], [Ok(()); 3]);
        assert_eq!(take("a", 0), Err(Duration::from_millis(500)));
        assert_eq!(take("b", 0), Ok(()), "each has its own");
        assert_eq!([take("a", 500), take("a", 500)], [Ok(()), Err(Duration::from_millis(500))]);
        assert_eq!(take("a", 100), Err(Duration::from_millis(500)), "a clock that seems to go back gives nothing");
        assert!((0..3).all(|_| take("a", 60_000).is_ok()) && take("a", 60_000).is_err(), "never more than the burst");
    }

    #[test]
    fn no_limit_is_no_limit() {
        let buckets = Buckets::new(0.0, 0.0);
        assert!((0..1000).all(|_| buckets.take(&1).is_ok()));
    }

    #[test]
    fn looking_takes_nothing() {
        let buckets = Buckets::new(0.001, 1.0);
        assert!((0..5).all(|_| buckets.look(&1).is_ok()));
        assert!(buckets.take(&1).is_ok() && buckets.look(&1).is_err());
    }

    #[test]
    fn a_client_cannot_choose_its_address() {
        let from = |peer: &str| {
            let request = TestRequest::default().peer_addr(peer.parse().unwrap());
            client(&request.insert_header(("X-Forwarded-For", "203.0.113.9")).to_http_request()).unwrap().to_string()
        };
        assert_eq!(from("192.0.2.1:5000"), "192.0.2.1", "the header is not trusted unless that is set");
        assert_eq!(from("[::ffff:192.0.2.1]:5000"), "192.0.2.1");
        assert_eq!(from("[2001:db8:1:2:3:4:5:6]:5000"), "2001:db8:1:2::");
    }

    #[test]
    fn waiting_is_told_in_whole_seconds() {
        let problem = refuse("Too many.", Duration::from_millis(1200));
        assert_eq!(problem.to_string(), "rate-limited: Too many. Try again in 2 s.");
    }
}
