//! How long a client is willing to wait (RFC 7240).

use std::time::Duration;

use actix_web::HttpRequest;
use actix_web::http::header::HeaderName;

/// The longest wait for this request: `Prefer: respond-async` for none, `wait=n` for n seconds, both at most `limit`.
pub fn wait(request: &HttpRequest, limit: Duration) -> Duration {
    let values = request.headers().get_all(HeaderName::from_static("prefer")).filter_map(|value| value.to_str().ok());
    let preferences = values.flat_map(|value| value.split([',', ';'])).map(str::trim);
    preferences.fold(limit, |wait, preference| {
        let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
        match (name.trim().to_ascii_lowercase().as_str(), value.trim().trim_matches('"').parse()) {
            ("respond-async", _) => Duration::ZERO,
            ("wait", Ok(seconds)) => wait.min(Duration::from_secs(seconds)),
            _ => wait,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    #[test]
    fn preferences_only_shorten_the_wait() {
        let seconds = |value: &str| {
            let request = TestRequest::default().insert_header(("Prefer", value)).to_http_request();
            wait(&request, Duration::from_secs(120)).as_secs()
        };
        let cases = [
            ("wait=10", 10),
            ("WAIT = \"7\"", 7),
            ("wait=900", 120),
            ("respond-async, wait=10", 0),
            ("wait=x", 120),
            ("", 120),
        ];
        for (value, expected) in cases {
            assert_eq!(seconds(value), expected, "{value}");
        }
    }
}
