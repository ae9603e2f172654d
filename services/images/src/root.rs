//! The root of the URLs in answers.

use actix_web::HttpRequest;
use actix_web::http::header::{HOST, HeaderName};

use crate::DeliverySettings;

const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// For the path of an image behind the host.
const ROOM: usize = 96;

/// Where the public finds this service.
pub(crate) enum Root {
    /// Always here; without a slash at the end.
    Fixed(String),
    /// Where the request was sent to, as the request or (if believed) a proxy says.
    Requested { trust_forwarded: bool },
}

impl Root {
    pub fn new(settings: &DeliverySettings) -> Self {
        match settings.public_url.as_deref().map(|url| url.trim_end_matches('/')) {
            Some(url) if !url.is_empty() => Self::Fixed(url.to_owned()),
            _ => Self::Requested { trust_forwarded: settings.trust_forwarded },
        }
    }

    /// `scheme://host`, and the path of the public root if it has one.
    pub fn of(&self, request: &HttpRequest) -> String {
        let trusted = match self {
            Self::Fixed(url) => return url.clone(),
            Self::Requested { trust_forwarded } => *trust_forwarded,
        };
        let value =
            |name: &HeaderName| request.headers().get(name).and_then(|v| v.to_str().ok()).filter(|v| is_host(v));
        let forwarded = |name: &HeaderName| if trusted { value(name) } else { None };
        let host = forwarded(&FORWARDED_HOST).or_else(|| value(&HOST));
        let scheme = forwarded(&FORWARDED_PROTO).unwrap_or("http");
        let host = host.unwrap_or("localhost");
        let mut url = String::with_capacity(host.len() + ROOM);
        [scheme, "://", host].into_iter().for_each(|part| url.push_str(part));
        url
    }
}

/// Whether a header is safe to appear in a URL: a host, a port, an IPv6 address.
fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]_".contains(&b))
}
