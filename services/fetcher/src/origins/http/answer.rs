//! What an HTTP answer, or the lack of one, means for the item: the one table from statuses and errors to failures.

use std::error::Error;
use std::time::Duration;

use chrono::{DateTime, Utc};
use dlcs_model::{Failure, FailureCode};
use reqwest::header::{
    ACCEPT_RANGES, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderName, LAST_MODIFIED, LOCATION,
    RETRY_AFTER,
};
use reqwest::{Response, StatusCode};

use crate::origins::source::Opened;

/// The longest wait that an origin can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

const LONGEST_MEDIA_TYPE: usize = 100;

/// An answer that leads on.
pub(in crate::origins) enum Answer {
    /// The source.
    Body(Opened),
    /// The source is elsewhere.
    Redirect(String),
}

/// What was asked.
#[derive(Debug, Clone, Copy)]
pub(in crate::origins) struct Asked {
    /// For the bytes from here on.
    pub(in crate::origins) from: u64,
    /// With stored credentials.
    pub(in crate::origins) login: bool,
    /// Of a server that gives parts, whether it says so or not.
    pub(in crate::origins) parts: bool,
}

/// Judges status and headers.
pub(in crate::origins) fn read(response: Response, asked: Asked) -> Result<Answer, Failure> {
    let status = response.status();
    match status.as_u16() {
        200 => Ok(Answer::Body(opened(response, asked, 0, None)?)),
        206 if asked.from > 0 => {
            let range =
                header(&response, CONTENT_RANGE).and_then(content_range).filter(|(from, _)| *from == asked.from);
            // What begins elsewhere is not the rest of what we have.
            let (from, total) = range.ok_or_else(broken_off)?;
            Ok(Answer::Body(opened(response, asked, from, total)?))
        }
        416 if asked.from > 0 => Err(broken_off()),
        301 | 302 | 303 | 307 | 308 => {
            let nowhere = || {
                Failure::new(FailureCode::OriginRedirect, format!("the origin answered {status} without a place to go"))
            };
            header(&response, LOCATION).map(|location| Answer::Redirect(location.to_owned())).ok_or_else(nowhere)
        }
        _ => Err(refusal(status, header(&response, RETRY_AFTER), asked.login)),
    }
}

fn opened(response: Response, asked: Asked, from: u64, total: Option<u64>) -> Result<Opened, Failure> {
    if let Some(encoding) = header(&response, CONTENT_ENCODING).map(str::trim)
        && !matches!(encoding, "" | "identity")
    {
        let encoding: String = encoding.chars().take(40).collect();
        let detail = format!("the origin's answer is encoded as \"{encoding}\", which was not asked for");
        return Err(Failure::new(FailureCode::OriginStatus, detail));
    }
    let total = total.or_else(|| response.content_length().map(|length| from + length));
    let (version, media_type) = (version(&response, asked.parts), media_type(&response));
    Ok(Opened { body: Box::new(response), from, total, version, media_type })
}

/// What tells these bytes from others, of an origin that gives parts of them: a strong validator.
fn version(response: &Response, known: bool) -> Option<String> {
    let parts = known
        || response.status() == StatusCode::PARTIAL_CONTENT
        || header(response, ACCEPT_RANGES).is_some_and(|unit| unit.trim().eq_ignore_ascii_case("bytes"));
    let tag = header(response, ETAG).filter(|tag| !tag.starts_with("W/"));
    let version = tag.or_else(|| header(response, LAST_MODIFIED))?;
    parts.then(|| version.to_owned())
}

/// `bytes first-last/total`, where the total may be unknown (RFC 9110 §14.4): where it begins, and the total.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let first = range.split_once('-')?.0.parse().ok()?;
    Some((first, total.parse().ok()))
}

fn header(response: &Response, name: HeaderName) -> Option<&str> {
    response.headers().get(name)?.to_str().ok()
}

/// What the origin says the body is; of a length that can be kept.
fn media_type(response: &Response) -> Option<String> {
    Some(header(response, CONTENT_TYPE)?.chars().take(LONGEST_MEDIA_TYPE).collect())
}

fn refusal(status: StatusCode, retry_after: Option<&str>, login: bool) -> Failure {
    let failure = |code| Failure::new(code, format!("the origin answered {status}"));
    match status.as_u16() {
        404 | 410 => failure(FailureCode::OriginNotFound),
        401 if login => {
            Failure::new(FailureCode::BadCredentials, "the origin refuses the user name and password of its strategy")
        }
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

fn broken_off() -> Failure {
    Failure::new(FailureCode::OriginIncomplete, "the transfer broke off, and the origin does not continue it")
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
            let failure = refusal(StatusCode::from_u16(status).unwrap(), None, false);
            assert_eq!((failure.code, failure.class), (code, class), "{status}");
            assert!(failure.detail.contains(&status.to_string()));
        }
        assert_eq!(refusal(StatusCode::UNAUTHORIZED, None, true).code, FailureCode::BadCredentials);
        assert_eq!(refusal(StatusCode::FORBIDDEN, None, true).code, OriginForbidden);
    }

    #[test]
    fn parts_say_where_they_begin() {
        assert_eq!(content_range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(content_range("bytes 5-9/*"), Some((5, None)));
        for garbage in ["", "bytes", "bytes */10", "items 5-9/10", "bytes -9/10", "bytes 5/10", "bytes x-9/10"] {
            assert_eq!(content_range(garbage), None, "{garbage}");
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
