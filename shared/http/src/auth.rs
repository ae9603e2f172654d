//! Who calls: HTTP Basic with an API key and its secret.

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

use crate::{Problem, path};

/// How long a key is believed in without asking again, so how long a revoked one still works.
const KNOWN: Duration = Duration::from_secs(45);
/// The same for a key that does not exist.
const UNKNOWN: Duration = Duration::from_secs(5);
/// Keys that are remembered.
const REMEMBERED: u64 = 10_000;
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
}

impl Authenticator {
    /// One that looks keys up in this database.
    #[must_use]
    pub fn new(database: Database) -> Self {
        let keys = Cache::builder().max_capacity(REMEMBERED).expire_after(Freshness).build();
        Self { database, keys }
    }

    /// Asks again next time, in this process.
    pub async fn forget(&self, key: &str) {
        self.keys.invalidate(key).await;
    }

    async fn check(&self, request: &HttpRequest) -> Result<Caller, Problem> {
        let (key, secret) = credentials(request).ok_or_else(unauthorized)?;
        let looked_up = self.keys.try_get_with_by_ref(&key, self.look_up(&key)).await;
        let credential = looked_up.map_err(|error: Arc<DbError>| Problem::database(&error))?;
        let credential = credential.filter(|credential| credential.accepts(&secret)).ok_or_else(unauthorized)?;
        let Credential { customer, administrator, .. } = credential;
        Ok(Caller { customer, administrator })
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

fn credentials(request: &HttpRequest) -> Option<(String, String)> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok().filter(|v| v.len() <= MAX_CREDENTIALS)?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (key, secret) = decoded.split_once(':')?;
    (!key.contains('\0')).then(|| (key.to_owned(), secret.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn credentials_are_read_and_nothing_else_is() {
        let read = |value: &str| {
            credentials(&TestRequest::default().insert_header((header::AUTHORIZATION, value)).to_http_request())
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
