//! The built-in policies: read-only lists, open to all.

pub mod image_optimisation;
pub mod origin_strategies;
pub mod thumbnails;

use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::policy::Policy;
use dlcs_api::{Collection, Links, Resource};
use dlcs_http::{Answer, Problem};

fn url_of(url: &str, policy: &impl Policy) -> String {
    format!("{url}/{}", policy.name())
}

/// All policies of a kind.
fn list<P: Policy>(request: &HttpRequest, links: &Links, url: &str) -> Result<HttpResponse, Problem> {
    let member = |policy| Resource::top(links, url_of(url, &policy), policy);
    Answer::ok(request).body(&Collection::whole(url, P::all().into_iter().map(member).collect()))
}

/// One of them.
fn read<P: Policy>(request: &HttpRequest, links: &Links, url: &str, name: &str) -> Result<HttpResponse, Problem> {
    let policy = P::all().into_iter().find(|policy| policy.name() == name);
    let policy = policy.ok_or_else(|| Problem::not_found("There is no policy of this name."))?;
    Answer::ok(request).body(&Resource::top(links, url_of(url, &policy), policy))
}
