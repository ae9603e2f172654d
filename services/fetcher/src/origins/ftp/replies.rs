//! What a server's reply, or the lack of one, means for the item (RFC 959 §4.2): the one table for FTP.

use dlcs_model::{Failure, FailureCode};
use suppaftp::FtpError;
use suppaftp::types::Response;

use crate::dial::broken;

/// What the server was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing yet.
    Greeting,
    /// To speak TLS.
    Secure,
    /// To let a user in that a strategy names.
    Login,
    /// To let anybody in.
    Anonymous,
    /// To begin to send a file.
    Transfer,
    /// Whether it was all.
    End,
}

pub(super) fn failure(error: &FtpError, step: Step) -> Failure {
    match error {
        FtpError::UnexpectedResponse(response) => refusal(response, step),
        FtpError::ConnectionError(error) => {
            let judged = error.get_ref().and_then(|inner| inner.downcast_ref::<Failure>());
            match (judged, step) {
                (Some(failure), _) => failure.clone(),
                (None, Step::End) => broke_off(),
                (None, Step::Greeting | Step::Secure | Step::Login | Step::Anonymous | Step::Transfer) => broken(error),
            }
        }
        FtpError::SecureError(text) => insecure(text),
        FtpError::BadResponse | FtpError::InvalidAddress(_) => {
            Failure::new(FailureCode::OriginStatus, "the origin's answer is not valid FTP")
        }
        FtpError::DataConnectionAlreadyOpen => Failure::internal(),
    }
}

/// A transfer that ended early.
pub(super) fn broke_off() -> Failure {
    Failure::new(FailureCode::OriginIncomplete, "the transfer broke off")
}

/// Whether the server does not know what it was asked for.
pub(super) fn is_unsupported(error: &FtpError) -> bool {
    matches!(error, FtpError::UnexpectedResponse(response) if (500..=504).contains(&code(response)))
}

fn refusal(response: &Response, step: Step) -> Failure {
    let code = code(response);
    let answered = |failure| Failure::new(failure, format!("the origin answered {code}"));
    match (step, code) {
        (Step::End, _) => broke_off(),
        (Step::Login, 430 | 530 | 500..=504) => Failure::new(
            FailureCode::BadCredentials,
            format!("the origin refuses the user and password of the origin strategy: it answered {code}"),
        ),
        (_, 400..=499 | 120) => answered(FailureCode::OriginStatus).transient(None),
        (Step::Secure, 500..=599) => {
            Failure::new(FailureCode::OriginTls, format!("the origin does not offer TLS: it answered {code}"))
        }
        (Step::Anonymous, 500..=599 | 332) => Failure::new(
            FailureCode::OriginForbidden,
            format!(
                "the origin lets no anonymous user in, and no origin strategy has credentials for it: it answered {code}"
            ),
        ),
        (Step::Login, 500..=599 | 332) => answered(FailureCode::BadCredentials),
        // So says vsftpd when it is in trouble itself: it has no port left, say.
        (Step::Transfer, 500) if String::from_utf8_lossy(&response.body).contains("OOPS") => {
            answered(FailureCode::OriginStatus).transient(None)
        }
        (Step::Transfer, 550..=553) if permission(response) => answered(FailureCode::OriginForbidden),
        (Step::Transfer, 530 | 532) => answered(FailureCode::OriginForbidden),
        (Step::Transfer, 550 | 551 | 553) => answered(FailureCode::OriginNotFound),
        (Step::Greeting | Step::Secure | Step::Login | Step::Anonymous | Step::Transfer, _) => {
            answered(FailureCode::OriginStatus)
        }
    }
}

/// The number of a reply as the server wrote it.
fn code(response: &Response) -> u32 {
    let digits = response.body.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| digits.parse().ok()).unwrap_or_else(|| response.status.code())
}

/// The reply for what is missing is also the one for what is forbidden; only the words tell.
fn permission(response: &Response) -> bool {
    let text = String::from_utf8_lossy(&response.body).to_lowercase();
    ["permission", "denied", "not allowed"].iter().any(|word| text.contains(word))
}

/// The library tells what went wrong with TLS in words only.
fn insecure(text: &str) -> Failure {
    if text.contains("eof") || text.contains("reset") || text.contains("os error") {
        return Failure::new(FailureCode::OriginUnreachable, "the connection to the origin broke");
    }
    Failure::new(FailureCode::OriginTls, format!("no secure connection to the origin: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dlcs_model::FailureCode::{
        BadCredentials, OriginForbidden, OriginIncomplete, OriginNotFound, OriginStatus, OriginTls,
    };
    use dlcs_model::RetryClass::{self, Permanent, Transient};
    use suppaftp::Status;

    fn judged(reply: &str, step: Step) -> (FailureCode, RetryClass) {
        let response = Response { status: Status::Unknown, body: reply.into() };
        let failure = failure(&FtpError::UnexpectedResponse(response), step);
        (failure.code, failure.class)
    }

    #[test]
    fn each_reply_has_its_code_and_class() {
        let table = [
            ("421 Too many connections", Step::Greeting, OriginStatus, Transient),
            ("120 In ten minutes", Step::Greeting, OriginStatus, Transient),
            ("500 What is AUTH?", Step::Secure, OriginTls, Permanent),
            ("431 No TLS now", Step::Secure, OriginStatus, Transient),
            ("530 Login incorrect.", Step::Login, BadCredentials, Permanent),
            ("430 Invalid", Step::Login, BadCredentials, Permanent),
            ("421 Too many users", Step::Login, OriginStatus, Transient),
            ("530 Nobody", Step::Anonymous, OriginForbidden, Permanent),
            ("331 Again", Step::Transfer, OriginStatus, Permanent),
            ("550 No such file", Step::Transfer, OriginNotFound, Permanent),
            ("550 Permission denied.", Step::Transfer, OriginForbidden, Permanent),
            ("530 Please log in", Step::Transfer, OriginForbidden, Permanent),
            ("425 No data connection", Step::Transfer, OriginStatus, Transient),
            ("450 Busy", Step::Transfer, OriginStatus, Transient),
            ("451 Disk", Step::Transfer, OriginStatus, Transient),
            ("500 What?", Step::Transfer, OriginStatus, Permanent),
            ("500 OOPS: no port", Step::Transfer, OriginStatus, Transient),
            ("426 Cut", Step::End, OriginIncomplete, Transient),
            ("550 Vanished", Step::End, OriginIncomplete, Transient),
        ];
        for (reply, step, code, class) in table {
            assert_eq!(judged(reply, step), (code, class), "{reply} {step:?}");
        }
    }

    #[test]
    fn what_broke_in_tls_is_not_what_tls_refused() {
        assert_eq!(insecure("tls handshake eof").code, FailureCode::OriginUnreachable);
        assert_eq!(insecure("invalid peer certificate: UnknownIssuer").code, OriginTls);
    }
}
