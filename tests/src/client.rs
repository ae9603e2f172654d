//! An integrator's view: plain HTTP with a key.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// A caller of the API with one key.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    root: String,
    key: Option<(String, String)>,
}

/// An answer, read.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: reqwest::header::HeaderMap,
    /// Its body; null if it is no JSON.
    pub json: Value,
}

impl Client {
    /// A caller without a key.
    ///
    /// # Errors
    /// The HTTP client cannot be built.
    pub fn new(root: &str) -> anyhow::Result<Self> {
        // A provider may be there already, from another test.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(150)).no_proxy();
        let http = http.redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { http, root: root.to_owned(), key: None })
    }

    /// The same caller with a key.
    #[must_use]
    pub fn with_key(&self, key: &str, secret: &str) -> Self {
        Self { key: Some((key.to_owned(), secret.to_owned())), ..self.clone() }
    }

    /// The key and its secret.
    #[must_use]
    pub fn credentials(&self) -> Option<(&str, &str)> {
        self.key.as_ref().map(|(key, secret)| (key.as_str(), secret.as_str()))
    }

    /// The public root of the system.
    #[must_use]
    pub fn root(&self) -> &str {
        &self.root
    }

    /// Sends a request to a path, or to a whole URL as the API gives them.
    ///
    /// # Errors
    /// No answer came.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<Reply> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| format!("no answer from {path}"))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.bytes().await?;
        Ok(Reply { status, headers, json: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }

    /// A request to a path or a whole URL, signed, to be completed and sent by the caller.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.root) };
        let request = self.http.request(method, &url);
        match &self.key {
            Some((key, secret)) => request.basic_auth(key, Some(secret)),
            None => request,
        }
    }

    /// GET that must answer 200 with JSON.
    ///
    /// # Errors
    /// Anything else.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let reply = self.send(Method::GET, path, None).await?;
        anyhow::ensure!(reply.status == 200, "GET {path} answers {}: {}", reply.status, reply.json);
        Ok(reply.json)
    }

    /// POST that must answer 201 with JSON.
    ///
    /// # Errors
    /// Anything else.
    pub async fn create(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let reply = self.send(Method::POST, path, Some(body)).await?;
        anyhow::ensure!(reply.status == 201, "POST {path} answers {}: {}", reply.status, reply.json);
        Ok(reply.json)
    }

    /// A body that is not JSON, with its status and headers.
    ///
    /// # Errors
    /// No answer came.
    pub async fn bytes(&self, path: &str) -> anyhow::Result<(StatusCode, reqwest::header::HeaderMap, bytes::Bytes)> {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.root) };
        let response = self.http.get(url).send().await?;
        Ok((response.status(), response.headers().clone(), response.bytes().await?))
    }

    /// Polls a batch until it is finished, and checks at every poll that nothing goes backwards.
    ///
    /// # Errors
    /// It is not finished in time, or a counter went backwards.
    pub async fn finished(&self, batch: &str, within: Duration) -> anyhow::Result<Value> {
        let start = Instant::now();
        let mut seen = (0, 0);
        while start.elapsed() < within {
            // The API may be down for a moment while the database is restarted.
            if let Ok(now) = self.get(batch).await {
                let counts = (now["completed"].as_i64().unwrap_or(-1), now["errors"].as_i64().unwrap_or(-1));
                anyhow::ensure!(counts.0 >= seen.0 && counts.1 >= seen.1, "from {seen:?} back to {counts:?}");
                seen = counts;
                if now["finished"].is_string() {
                    return Ok(now);
                }
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("batch {batch} is not finished after {} s: {seen:?}", within.as_secs())
    }
}
