//! What an HTTP answer, or the lack of one, means for the item: the one table from statuses and errors to failures.

use std::error::Error;
use std::time::Duration;

use chrono::{DateTime, Utc};
use dlcs_model::{Failure, FailureCode};
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};

/// The longest wait that an origin can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

const LONGEST_MEDIA_TYPE: usize = 100;

/// An answer that leads on.
pub(super) enum Answer {
    /// The body is the source.
    Body,
    /// The source is elsewhere.
    Redirect(String),
}

/// Judges status and headers.
pub(super) fn read(response: &Response) -> Result<Answer, Failure> {
    let status = response.status();
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    match status.as_u16() {
        200 => match text(CONTENT_ENCODING).map(str::trim) {
            None | Some("" | "identity") => Ok(Answer::Body),
            Some(encoding) => {
                let encoding: String = encoding.chars().take(40).collect();
                let detail = format!("the origin's answer is encoded as \"{encoding}\", which was not asked for");
                Err(Failure::new(FailureCode::OriginStatus, detail))
            }
        },
        301 | 302 | 303 | 307 | 308 => {
            let nowhere = || {
                Failure::new(FailureCode::OriginRedirect, format!("the origin answered {status} without a place to go"))
            };
            text(LOCATION).map(|location| Answer::Redirect(location.to_owned())).ok_or_else(nowhere)
        }
        _ => Err(refusal(status, text(RETRY_AFTER))),
    }
}

/// What the origin says the body is; of a length that can be kept.
pub(super) fn media_type(response: &Response) -> Option<String> {
    let text = response.headers().get(CONTENT_TYPE)?.to_str().ok()?;
    Some(text.chars().take(LONGEST_MEDIA_TYPE).collect())
}

fn refusal(status: StatusCode, retry_after: Option<&str>) -> Failure {
    let failure = |code| Failure::new(code, format!("the origin answered {status}"));
    match status.as_u16() {
        404 | 410 => failure(FailureCode::OriginNotFound),
        401 | 403 | 407 | 451 => failure(FailureCode::OriginForbidden),
        408 | 425 | 429 | 500..=599 => {
            failure(FailureCode::OriginStatus).transient(retry_after.and_then(|text| wait(text, Utc::now())))
        }
        _ => failure(FailureCode::OriginStatus),
    }
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds or a date; what is neither counts as absent.
fn wait(text: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = text.trim();
    let asked = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => (DateTime::parse_from_rfc2822(text).ok()?.to_utc() - now).to_std().ok()?,
    };
    Some(asked.min(LONGEST_WAIT))
}

/// A body that ended, or broke off, before its end.
pub(super) fn incomplete(received: u64, announced: Option<u64>) -> Failure {
    let of = announced.map(|bytes| format!(" of {bytes}")).unwrap_or_default();
    Failure::new(FailureCode::OriginIncomplete, format!("the transfer ended after {received}{of} bytes"))
}

/// No answer at all.
pub(super) fn failure(error: &reqwest::Error) -> Failure {
    if let Some(failure) = causes(error).find_map(|cause| cause.downcast_ref::<Failure>()) {
        return failure.clone();
    }
    let unreachable = |detail| Failure::new(FailureCode::OriginUnreachable, detail);
    if let Some(tls) = causes(error).find_map(tls_error) {
        return Failure::new(FailureCode::OriginTls, format!("no secure connection to the origin: {tls}"));
    }
    if error.is_timeout() {
        return Failure::new(FailureCode::OriginTimeout, "no connection to the origin in time");
    }
    let io = causes(error).find_map(|cause| cause.downcast_ref::<std::io::Error>());
    match io.map(std::io::Error::kind) {
        Some(std::io::ErrorKind::ConnectionRefused) => unreachable("the origin refuses connections"),
        Some(_) => unreachable("the connection to the origin broke"),
        None if error.is_connect() => unreachable("no connection to the origin"),
        None if causes(error).any(|cause| cause.to_string().contains("closed before message completed")) => {
            Failure::new(FailureCode::OriginIncomplete, "the origin closed the connection without an answer")
        }
        None => Failure::new(FailureCode::OriginStatus, "the origin's answer is not valid HTTP"),
    }
}

fn causes<'a>(error: &'a reqwest::Error) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let first: &'a (dyn Error + 'static) = error;
    std::iter::successors(Some(first), |cause: &&'a (dyn Error + 'static)| (*cause).source())
}

/// TLS errors travel inside I/O errors, wrapped more than once, which do not name what they hold as their source.
fn tls_error<'a>(cause: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    cause.downcast_ref().or_else(|| tls_error(cause.downcast_ref::<std::io::Error>()?.get_ref()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlcs_model::RetryClass;

    #[test]
    fn each_status_has_its_code_and_class() {
        use FailureCode::{OriginForbidden, OriginNotFound, OriginStatus};
        use RetryClass::{Permanent, Transient};
        let table = [
            (400, OriginStatus, Permanent),
            (401, OriginForbidden, Permanent),
            (403, OriginForbidden, Permanent),
            (404, OriginNotFound, Permanent),
            (405, OriginStatus, Permanent),
            (408, OriginStatus, Transient),
            (410, OriginNotFound, Permanent),
            (418, OriginStatus, Permanent),
            (425, OriginStatus, Transient),
            (429, OriginStatus, Transient),
            (451, OriginForbidden, Permanent),
            (500, OriginStatus, Transient),
            (503, OriginStatus, Transient),
            (599, OriginStatus, Transient),
            (204, OriginStatus, Permanent),
            (206, OriginStatus, Permanent),
            (304, OriginStatus, Permanent),
        ];
        for (status, code, class) in table {
            let failure = refusal(StatusCode::from_u16(status).unwrap(), None);
            assert_eq!((failure.code, failure.class), (code, class), "{status}");
            assert!(failure.detail.contains(&status.to_string()));
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_never_more_than_an_hour() {
        let now = DateTime::parse_from_rfc2822("Wed, 21 Oct 2026 07:28:00 GMT").unwrap().to_utc();
        let seconds = |text| wait(text, now).map(|wait| wait.as_secs());
        assert_eq!(seconds("5"), Some(5));
        assert_eq!(seconds("86400"), Some(3600));
        assert_eq!(seconds("Wed, 21 Oct 2026 07:28:30 GMT"), Some(30));
        assert_eq!(seconds("Wed, 21 Oct 2026 07:27:00 GMT"), None);
        for garbage in ["", "soon", "-5", "1.5", "99999999999999999999999"] {
            assert_eq!(seconds(garbage), None, "{garbage}");
        }
    }
}
