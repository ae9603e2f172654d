//! Who calls: HTTP Basic with an API key and its secret.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dlcs_api::ProblemKind;
use dlcs_db::api_key::{self, Credential};
use dlcs_db::{Database, DbError};
use dlcs_model::CustomerId;
use futures::future::LocalBoxFuture;
use moka::Expiry;
use moka::future::Cache;
use sha2::{Digest, Sha256};

use crate::rate::{self, Buckets, RateSettings};
use crate::{Problem, path};

/// How long a key is believed in without asking again, so how long a revoked one still works.
const KNOWN: Duration = Duration::from_secs(45);
/// The same for a key that does not exist.
const UNKNOWN: Duration = Duration::from_secs(5);
/// Keys that are remembered.
const REMEMBERED: u64 = 10_000;
/// How long credentials that were right from an address are looked at in spite of others that are wrong.
const PROVEN: Duration = Duration::from_secs(600);
/// The longest credentials that are looked at.
const MAX_CREDENTIALS: usize = 1024;

/// Who sent a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Whose key it is.
    pub customer: CustomerId,
    /// Whether it may call everything.
    pub administrator: bool,
}

/// Knows the API keys; lives in the application's data.
#[derive(Clone)]
pub struct Authenticator {
    database: Database,
    keys: Cache<String, Option<Credential>>,
    requests: Buckets<String>,
    failures: Buckets<Option<IpAddr>>,
    proven: moka::sync::Cache<(Option<IpAddr>, [u8; 32]), ()>,
}

/// What a request says to prove who sent it.
#[derive(Clone)]
pub struct Credentials {
    key: String,
    secret: String,
}

impl Authenticator {
    /// One that looks keys up in this database.
    #[must_use]
    pub fn new(database: Database, rates: &RateSettings) -> Self {
        let keys = Cache::builder().max_capacity(REMEMBERED).expire_after(Freshness).build();
        let requests = Buckets::new(f64::from(rates.per_second), f64::from(rates.burst));
        let failures = f64::from(rates.failures_per_minute);
        let failures = Buckets::new(failures / 60.0, failures);
        let proven = moka::sync::Cache::builder().max_capacity(REMEMBERED).time_to_live(PROVEN).build();
        Self { database, keys, requests, failures, proven }
    }

    /// Asks again next time, in this process.
    pub async fn forget(&self, key: &str) {
        self.keys.invalidate(key).await;
    }

    /// Whether the credentials that a request came with are still good, for answers that take long. An outage of the
    /// database does not speak against them.
    pub async fn still_accepts(&self, credentials: &Credentials) -> bool {
        !matches!(self.prove(credentials).await, Ok(None))
    }

    async fn check(&self, request: &HttpRequest) -> Result<Caller, Problem> {
        let credentials = Credentials::of(request).ok_or_else(unauthorized)?;
        let presented = (rate::client(request), credentials.digest());
        if let Err(wait) = self.failures.look(&presented.0)
            && !self.proven.contains_key(&presented)
        {
            return Err(rate::refuse("Too many wrong credentials came from this address.", wait));
        }
        let Some(caller) = self.prove(&credentials).await? else {
            // That there is none left is found when looking, before the next attempt.
            let _ = self.failures.take(&presented.0);
            return Err(unauthorized());
        };
        let taken = self.requests.take(&credentials.key);
        self.proven.insert(presented, ());
        taken.map_err(|wait| rate::refuse("This key makes more requests than it may.", wait))?;
        Ok(caller)
    }

    /// Whose credentials they are; nobody's if they are wrong.
    async fn prove(&self, Credentials { key, secret }: &Credentials) -> Result<Option<Caller>, Problem> {
        let looked_up = self.keys.try_get_with_by_ref(key, self.look_up(key)).await;
        let credential = looked_up.map_err(|error: Arc<DbError>| Problem::database(&error))?;
        let credential = credential.filter(|credential| credential.accepts(secret));
        Ok(credential.map(|Credential { customer, administrator, .. }| Caller { customer, administrator }))
    }

    async fn look_up(&self, key: &str) -> Result<Option<Credential>, DbError> {
        let mut connection = self.database.get().await?;
        let credential = api_key::find(&mut connection, key).await?;
        if let Some(Credential { key, .. }) = &credential
            && let Err(error) = api_key::touch(&mut connection, key).await
        {
            tracing::warn!(%error, "the last use of a key was not noted");
        }
        Ok(credential)
    }
}

struct Freshness;

impl Expiry<String, Option<Credential>> for Freshness {
    fn expire_after_create(&self, _: &String, credential: &Option<Credential>, _: Instant) -> Option<Duration> {
        Some(if credential.is_some() { KNOWN } else { UNKNOWN })
    }
}

impl FromRequest for Caller {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            // Whatever else asks for the caller: a request counts once.
            if let Some(caller) = request.extensions().get::<Self>() {
                return Ok(*caller);
            }
            let authenticator = request.app_data::<Data<Authenticator>>();
            let authenticator = authenticator.ok_or_else(|| Problem::internal("no authenticator is configured"))?;
            let caller = authenticator.check(&request).await?;
            request.extensions_mut().insert(caller);
            Ok(caller)
        })
    }
}

/// A caller who may work for the customer in the path.
#[derive(Debug, Clone, Copy)]
pub struct Authorized {
    /// The customer in the path.
    pub customer: CustomerId,
    /// Who calls: the customer, or an administrator.
    pub caller: Caller,
}

impl FromRequest for Authorized {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, caller) = (request.clone(), Caller::from_request(request, payload));
        Box::pin(async move {
            let caller = caller.await?;
            let customer: CustomerId = path::part(&request)?;
            if caller.administrator || caller.customer == customer {
                return Ok(Self { customer, caller });
            }
            Err(Problem::new(ProblemKind::Forbidden, "This key belongs to another customer."))
        })
    }
}

/// An administrator.
#[derive(Debug, Clone, Copy)]
pub struct Admin(pub Caller);

impl FromRequest for Admin {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        Box::pin(async move {
            let caller = caller.await?;
            let refused = || Problem::new(ProblemKind::Forbidden, "Only an administrator's key may do this.");
            caller.administrator.then_some(Self(caller)).ok_or_else(refused)
        })
    }
}

fn unauthorized() -> Problem {
    let realm = HeaderValue::from_static("Basic realm=\"DLCS-API\"");
    let detail = "This needs HTTP Basic credentials: an API key as the user name and its secret as the password.";
    Problem::new(ProblemKind::Unauthorized, detail).header(header::WWW_AUTHENTICATE, realm)
}

impl Credentials {
    /// Those of a request, if it has any that can be read.
    #[must_use]
    pub fn of(request: &HttpRequest) -> Option<Self> {
        let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok();
        let (scheme, encoded) = value.filter(|value| value.len() <= MAX_CREDENTIALS)?.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (key, secret) = decoded.split_once(':')?;
        (!key.contains('\0')).then(|| Self { key: key.to_owned(), secret: secret.to_owned() })
    }

    /// What they can be recognised by without being kept.
    fn digest(&self) -> [u8; 32] {
        Sha256::new().chain_update(&self.key).chain_update(b"\0").chain_update(&self.secret).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn credentials_are_read_and_nothing_else_is() {
        let read = |value: &str| {
            let request = TestRequest::default().insert_header((header::AUTHORIZATION, value)).to_http_request();
            Credentials::of(&request).map(|Credentials { key, secret }| (key, secret))
        };
        let encoded = BASE64_STANDARD.encode("key:sec:ret");
        let expected = Some(("key".to_owned(), "sec:ret".to_owned()));
        assert_eq!(read(&format!("Basic {encoded}")), expected);
        assert_eq!(read(&format!("basic  {encoded}")), expected);
        let nul = BASE64_STANDARD.encode("k\0:s");
        for bad in [&encoded, &format!("Bearer {encoded}"), "Basic", "Basic !!", "Basic a2V5", &format!("Basic {nul}")]
        {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
