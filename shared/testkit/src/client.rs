//! Speaking to a service under test as an integrator does: plain HTTP with a key.

use std::time::Duration;

use anyhow::Context as _;
use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

/// The root in all URLs of answers; requests go elsewhere.
pub const PUBLIC: &str = "https://dlcs.example";

/// Credentials: an API key and its secret.
#[derive(Debug, Clone)]
pub struct Key(pub String, pub String);

/// A caller of one service.
#[derive(Debug, Clone)]
pub struct Client {
    /// For requests that are out of the ordinary.
    pub http: reqwest::Client,
    /// Where the service listens.
    pub root: String,
}

impl Client {
    /// A caller of the service at `root`.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(root: &str) -> anyhow::Result<Self> {
        // A provider may be there already, from another test.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(60)).build()?;
        Ok(Self { http, root: root.to_owned() })
    }

    /// A request with credentials; `path` begins with a slash.
    pub fn request(&self, method: Method, path: &str, key: &Key) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.root)).basic_auth(&key.0, Some(&key.1))
    }
}

/// An answer, read.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body; null if that is no JSON.
    pub json: Value,
}

impl Reply {
    /// Sends a request and reads what comes back.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn to(request: RequestBuilder) -> anyhow::Result<Self> {
        let response = request.send().await.context("no answer")?;
        let (status, headers) = (response.status(), response.headers().clone());
        let json = serde_json::from_slice(&response.bytes().await?).unwrap_or(Value::Null);
        Ok(Self { status, headers, json })
    }

    /// A header; nothing if it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The places and words of all faults.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let text = |fault: &Value, name: &str| fault[name].as_str().unwrap_or("?").to_owned();
        let listed = self.json["errors"].as_array().into_iter().flatten();
        listed.map(|fault| format!("{} {}", text(fault, "pointer"), text(fault, "code"))).collect()
    }

    /// What each member of a collection says under `name`.
    #[must_use]
    pub fn members(&self, name: &str) -> Vec<Value> {
        let members = self.json["member"].as_array().into_iter().flatten();
        members.map(|member| member[name].clone()).collect()
    }
}
