//! `http` and `https` origins: a GET, redirects followed by hand so that each hop is judged.

pub(super) mod answer;
mod clients;

use async_trait::async_trait;
use bytes::Bytes;
use dlcs_model::{Credentials, Failure, FailureCode, Origin, Scheme};
use reqwest::header::{IF_RANGE, RANGE};
use reqwest::{RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use super::source::{Body, Opened, Source};
use crate::access::Access;
use crate::guard::Guard;
use crate::settings::FetchSettings;
use answer::{Answer, Asked};
use clients::Clients;

/// Redirects followed before we give up.
const HOPS: usize = 5;

/// How HTTP is spoken.
pub(super) struct Http {
    guard: Guard,
    clients: Clients,
}

impl Http {
    pub(super) fn new(settings: &FetchSettings) -> anyhow::Result<Self> {
        Ok(Self { guard: settings.guard(), clients: Clients::new(settings)? })
    }

    /// Sends a GET to where the guard lets it.
    pub(super) async fn ask(
        &self,
        url: &Url,
        with: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Response, Failure> {
        let client = self.clients.of(self.guard.check(url)?);
        with(client.get(url.clone())).send().await.map_err(|error| answer::failure(&error))
    }
}

/// A user and a password.
#[derive(Debug, Clone, Copy)]
pub(super) struct Login<'a> {
    user: &'a str,
    password: &'a SecretString,
}

impl<'a> Login<'a> {
    /// The ones to send, if any.
    pub(super) fn of(access: &'a Access) -> Option<Self> {
        match access {
            Access::With(Credentials::Basic { user, password }) => Some(Self { user, password }),
            Access::Open | Access::S3Ambient | Access::With(_) => None,
        }
    }
}

/// One `http` or `https` origin.
pub(super) struct HttpSource<'a> {
    http: &'a Http,
    url: &'a Url,
    login: Option<Login<'a>>,
    /// Names what was opened last.
    version: Option<String>,
    elsewhere: bool,
}

impl<'a> HttpSource<'a> {
    pub(super) fn new(http: &'a Http, url: &'a Url, login: Option<Login<'a>>) -> Self {
        Self { http, url, login, version: None, elsewhere: false }
    }

    /// Credentials are for the origin they were stored for, and for nobody it redirects to.
    async fn ask(&self, url: &Url, from: u64) -> Result<Answer, Failure> {
        let login = self.login.filter(|_| url.origin() == self.url.origin());
        let with = |mut request: RequestBuilder| {
            if let Some(Login { user, password }) = login {
                request = request.basic_auth(user, Some(password.expose_secret()));
            }
            resuming(request, from, self.version.as_deref())
        };
        let response = self.http.ask(url, with).await?;
        answer::read(response, Asked { from, login: login.is_some(), parts: false })
    }
}

#[async_trait]
impl Source for HttpSource<'_> {
    async fn open(&mut self, from: u64) -> Result<Opened, Failure> {
        let mut url = self.url.clone();
        self.elsewhere = false;
        for _ in 0..=HOPS {
            match self.ask(&url, from).await? {
                Answer::Body(opened) => {
                    self.version = opened.version.clone();
                    return Ok(opened);
                }
                Answer::Redirect(location) => url = next_hop(&url, &location)?,
            }
            self.elsewhere |= url.host_str() != self.url.host_str();
        }
        Err(Failure::new(FailureCode::OriginRedirect, format!("the origin redirects more than {HOPS} times")))
    }

    fn is_elsewhere(&self) -> bool {
        self.elsewhere
    }
}

/// Asks for the rest, if it is the rest of the same (RFC 9110 §13.1.5, §14.2).
pub(super) fn resuming(request: RequestBuilder, from: u64, version: Option<&str>) -> RequestBuilder {
    match version {
        Some(version) if from > 0 => request.header(RANGE, format!("bytes={from}-")).header(IF_RANGE, version),
        Some(_) | None => request,
    }
}

#[async_trait]
impl Body for Response {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        Self::chunk(self).await.map_err(|_| Failure::new(FailureCode::OriginIncomplete, "the transfer broke off"))
    }
}

/// Where a redirect leads, if we go there.
fn next_hop(from: &Url, location: &str) -> Result<Url, Failure> {
    let refused = |why: String| Failure::new(FailureCode::OriginRedirect, format!("the origin redirects to {why}"));
    let joined = from.join(location).map_err(|_| refused("something that is no URL".to_owned()))?;
    let next =
        Origin::parse(joined.as_str()).map_err(|error| refused(format!("a URL that is not followed: {error}")))?;
    match next.scheme() {
        Scheme::Http | Scheme::Https => Ok(next.url().clone()),
        Scheme::S3 | Scheme::Ftp | Scheme::Ftps | Scheme::Sftp => {
            Err(refused(format!("another protocol, {}", next.scheme())))
        }
    }
}
