//! The public root that the URLs in an answer stand on.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::http::header::HeaderMap;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use dlcs_api::Links;

use crate::Problem;
use crate::server::Shared;

/// URLs for the answer to this request: on the configured root, or on the one that a trusted proxy names.
#[derive(Debug, Clone)]
pub struct PublicLinks(pub Links);

impl FromRequest for PublicLinks {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(shared) = request.app_data::<Data<Shared>>() else {
            return ready(Err(Problem::internal("no public root is configured")));
        };
        let forwarded = shared.trust_forwarded.then(|| forwarded_root(request.headers())).flatten();
        ready(Ok(Self(forwarded.map_or_else(|| shared.links.clone(), |root| Links::new(&root)))))
    }
}

/// `X-Forwarded-Proto` and `X-Forwarded-Host`, if both are there and harmless; the first of several is the client's.
fn forwarded_root(headers: &HeaderMap) -> Option<String> {
    let first = |name| headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim);
    let scheme = first("x-forwarded-proto").filter(|scheme| matches!(*scheme, "http" | "https"))?;
    let host = first("x-forwarded-host")?;
    let harmless = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    harmless.then(|| format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn only_harmless_hosts_are_taken() {
        let root = |proto: &str, host: &str| {
            let request = TestRequest::default()
                .insert_header(("X-Forwarded-Proto", proto))
                .insert_header(("X-Forwarded-Host", host))
                .to_http_request();
            forwarded_root(request.headers())
        };
        assert_eq!(root("https", "iiif.example:8443").as_deref(), Some("https://iiif.example:8443"));
        assert_eq!(root("https, http", "a.example, proxy").as_deref(), Some("https://a.example"));
        for (proto, host) in [("javascript", "a"), ("https", "a/b"), ("https", ""), ("https", "a\"b"), ("https", "u@h")]
        {
            assert_eq!(root(proto, host), None);
        }
    }
}
