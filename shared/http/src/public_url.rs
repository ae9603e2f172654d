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

/// The root that `X-Forwarded-Proto` and `X-Forwarded-Host` name, or else `Forwarded` (RFC 7239), if scheme and host are
/// both there and harmless; the first of several is the client's. A proxy that sets the former may pass on the latter
/// as a client sent it, so it comes second.
fn forwarded_root(headers: &HeaderMap) -> Option<String> {
    let first = |name| headers.get(name)?.to_str().ok()?.split(',').next().map(str::trim);
    if let (Some(scheme), Some(host)) = (first("x-forwarded-proto"), first("x-forwarded-host")) {
        return root(scheme, host);
    }
    let element = first("forwarded")?;
    let part = |wanted: &str| {
        let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
        let (_, value) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))?;
        Some(value.trim().trim_matches('"'))
    };
    root(part("proto")?, part("host")?)
}

fn root(scheme: &str, host: &str) -> Option<String> {
    let harmless = !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b));
    (harmless && matches!(scheme, "http" | "https")).then(|| format!("{scheme}://{host}"))
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

    #[test]
    fn forwarded_says_the_same_where_nothing_else_does() {
        let root = |headers: &[(&'static str, &str)]| {
            let request = headers.iter().fold(TestRequest::default(), |request, header| request.insert_header(*header));
            forwarded_root(request.to_http_request().headers())
        };
        let rfc =
            ("Forwarded", "for=192.0.2.4;Proto=https; host=\"a.example:8443\", for=10.0.0.1;host=proxy;proto=http");
        assert_eq!(root(&[rfc]).as_deref(), Some("https://a.example:8443"));
        let others = [("X-Forwarded-Proto", "http"), ("X-Forwarded-Host", "b.example")];
        assert_eq!(root(&[rfc, others[0], others[1]]).as_deref(), Some("http://b.example"));
        assert_eq!(root(&[rfc, others[0]]).as_deref(), Some("https://a.example:8443"));
        for odd in ["proto=https", "host=a", "proto=https;host=a/b", "proto=file;host=a", "", ";=;", "for=x"] {
            assert_eq!(root(&[("Forwarded", odd)]), None, "{odd}");
        }
    }
}
