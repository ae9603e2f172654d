//! Who may call what: every route of a service × every kind of caller.

use std::collections::BTreeMap;

use anyhow::Context as _;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::{Client, Key};

/// Open to all, with or without credentials (api.md, "Who may call").
const OPEN: [&str; 5] = ["/", "/vocab", "/contexts/", "/openapi.json", "/docs"];
/// Lists of what is built in, open likewise.
const BUILT_IN: [&str; 6] = [
    "/originStrategies",
    "/imageOptimisationPolicies",
    "/thumbnailPolicies",
    "/storagePolicies",
    "/roles",
    "/policies",
];
/// Only for administrators.
const ADMINISTRATORS: [(&str, &str); 2] = [("POST", "/customers"), ("PUT", "/customers/{customer}/storagePolicy")];

/// A customer and what is its.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Its number.
    pub customer: i64,
    /// Its credentials.
    pub key: Key,
    /// What the names in paths stand for, of its own: `space`, `image`, `batch` and so on.
    pub ids: BTreeMap<&'static str, String>,
}

/// The callers of the matrix.
#[derive(Debug, Clone)]
pub struct Tenants {
    /// Speaks to the service.
    pub client: Client,
    /// An administrator's credentials.
    pub admin: Key,
    /// Credentials of `own` that were revoked.
    pub revoked: Key,
    /// The customer whose paths are called.
    pub own: Tenant,
    /// Another customer. What it has must have other ids than what `own` has.
    pub other: Tenant,
}

/// A method and a path with `{names}`.
pub type Route = (String, String);

impl Tenants {
    /// Calls every route as every caller, and as `own` with the other's ids. Gives what is not as it should be.
    ///
    /// # Errors
    /// A route cannot be called: there is no answer, or a name in its path is not known.
    pub async fn faults(&self, routes: &[Route]) -> anyhow::Result<Vec<String>> {
        let mut faults = Vec::new();
        for route in routes {
            self.strangers(route, &mut faults).await?;
        }
        for route in routes {
            self.foreign_ids(route, &mut faults).await?;
        }
        // What may change or remove something comes last, and removal at the very end.
        let mut routes = routes.to_vec();
        routes.sort_by_key(|(method, path)| (method == "DELETE", std::cmp::Reverse(path.len())));
        for route in &routes {
            self.allowed(route, &mut faults).await?;
        }
        Ok(faults)
    }

    /// Those who may not call: by no key, a wrong one, a revoked one, another customer's.
    async fn strangers(&self, route @ (method, pattern): &Route, faults: &mut Vec<String>) -> anyhow::Result<()> {
        if is_open(pattern) {
            return Ok(());
        }
        let path = path(pattern, &self.own, &self.own)?;
        let wrong = Key(self.own.key.0.clone(), "wrong".to_owned());
        for (caller, key) in
            [("nobody", None), ("a wrong secret", Some(&wrong)), ("a revoked key", Some(&self.revoked))]
        {
            let response = self.call(method, &path, key).await?;
            let challenge =
                response.headers().get("www-authenticate").is_some_and(|how| how == "Basic realm=\"DLCS-API\"");
            if !challenge {
                faults.push(format!("{method} {pattern} does not ask {caller} for credentials"));
            }
            expect(route, caller, &response, 401, faults);
        }
        let stranger = Some(&self.other.key);
        if pattern.contains("{customer}") {
            expect(route, "another customer", &self.call(method, &path, stranger).await?, 403, faults);
            let nobody = Tenant { customer: 2_000_000_000, ..self.own.clone() };
            let nowhere = self::path(pattern, &nobody, &self.own)?;
            expect(route, "a customer elsewhere", &self.call(method, &nowhere, stranger).await?, 403, faults);
        }
        if is_administrators(route) {
            expect(route, "a customer", &self.call(method, &path, Some(&self.own.key)).await?, 403, faults);
        }
        Ok(())
    }

    /// What is another's is not there under one's own number. A `PUT` makes what is not there, so it is only asked
    /// below a space that is another's.
    async fn foreign_ids(&self, route @ (method, pattern): &Route, faults: &mut Vec<String>) -> anyhow::Result<()> {
        let named = names(pattern).any(|name| name != "customer" && self.other.ids.contains_key(name));
        if !named || is_open(pattern) || is_administrators(route) || (method == "PUT" && pattern.ends_with("/{space}"))
        {
            return Ok(());
        }
        let path = path(pattern, &self.own, &self.other)?;
        let what = "its own customer with another's ids";
        expect(route, what, &self.call(method, &path, Some(&self.own.key)).await?, 404, faults);
        Ok(())
    }

    /// Those who may call.
    async fn allowed(&self, route @ (method, pattern): &Route, faults: &mut Vec<String>) -> anyhow::Result<()> {
        let path = path(pattern, &self.own, &self.own)?;
        let mut callers = vec![("an administrator", Some(&self.admin))];
        if !is_administrators(route) {
            callers.insert(0, ("its own customer", Some(&self.own.key)));
        }
        if is_open(pattern) {
            callers.push(("nobody", None));
        }
        for (caller, key) in callers {
            let status = self.call(method, &path, key).await?.status().as_u16();
            if matches!(status, 401 | 403 | 405) || status >= 500 {
                faults.push(format!("{method} {pattern} answers {status} to {caller}"));
            }
        }
        Ok(())
    }

    /// The answer, of which only the head is read: a stream has no end.
    async fn call(&self, method: &str, path: &str, key: Option<&Key>) -> anyhow::Result<Response> {
        let parsed = Method::from_bytes(method.as_bytes())?;
        let request = self.client.http.request(parsed, format!("{}{path}", self.client.root));
        let request = key.iter().fold(request, |request, key| request.basic_auth(&key.0, Some(&key.1)));
        let request =
            if matches!(method, "GET" | "HEAD" | "DELETE") { request } else { request.json(&anything(method)) };
        request.header("Prefer", "respond-async").send().await.with_context(|| format!("no answer to {method} {path}"))
    }
}

fn expect((method, pattern): &Route, caller: &str, response: &Response, status: u16, faults: &mut Vec<String>) {
    let answered = response.status().as_u16();
    if answered != status {
        faults.push(format!("{method} {pattern} answers {answered} and not {status} to {caller}"));
    }
}

fn is_open(pattern: &str) -> bool {
    let built_in = BUILT_IN.iter().any(|path| pattern == *path || pattern.starts_with(&format!("{path}/")));
    built_in || OPEN.iter().any(|path| pattern == *path || (path.len() > 1 && pattern.starts_with(path)))
}

fn is_administrators((method, pattern): &Route) -> bool {
    ADMINISTRATORS.contains(&(method.as_str(), pattern.as_str()))
}

fn names(pattern: &str) -> impl Iterator<Item = &str> {
    pattern.split(['{', '}']).skip(1).step_by(2).map(|name| name.split(':').next().unwrap_or_default())
}

/// The path of `customer`, with the ids of `ids`.
fn path(pattern: &str, customer: &Tenant, ids: &Tenant) -> anyhow::Result<String> {
    let mut path = String::new();
    for (place, part) in pattern.split(['{', '}']).enumerate() {
        if place % 2 == 0 {
            path.push_str(part);
            continue;
        }
        match part.split(':').next().unwrap_or_default() {
            "customer" => path.push_str(&customer.customer.to_string()),
            name => path.push_str(ids.ids.get(name).with_context(|| format!("what is {{{name}}} of {pattern}?"))?),
        }
    }
    Ok(path)
}

/// A body that is good enough for every operation: what one does not know it ignores.
fn anything(method: &str) -> Value {
    if method == "PATCH" {
        return json!({"displayName": "Matrix", "string1": "matrix", "member": [{"id": "matrix", "string1": "matrix"}]});
    }
    let image = json!({"id": "matrix", "space": 1, "origin": "http://origin.example/a.jpg"});
    json!({"name": "matrix", "displayName": "Matrix", "origin": "http://origin.example/a.jpg", "member": [image]})
}
