//! What a request demands of the resource that it changes.

use std::future::{Ready, ready};
use std::sync::{Mutex, PoisonError};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use dlcs_http::{EntityTag, IfMatch, Problem};
use serde::Serialize;

/// `If-Match`, to be held against the resource under the lock of the transaction that would change it.
pub struct Demand {
    if_match: IfMatch,
    refusal: Mutex<Option<Problem>>,
}

impl Demand {
    /// Whether the resource, as a GET would answer it, is what the client believes it to be.
    pub fn holds<T: Serialize>(&self, resource: Option<T>) -> bool {
        if !self.if_match.is_given() {
            return true;
        }
        let checked = match resource {
            Some(resource) => EntityTag::of(&resource).and_then(|tag| self.if_match.check(&tag)),
            None => self.if_match.check_absent(),
        };
        let refusal = checked.err();
        let holds = refusal.is_none();
        *self.refusal.lock().unwrap_or_else(PoisonError::into_inner) = refusal;
        holds
    }

    /// The answer to a request whose demand was found not to hold; nothing if it held.
    pub fn refusal(&self) -> Option<Problem> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl FromRequest for Demand {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let if_match = IfMatch::from_request(request, payload).into_inner();
        ready(if_match.map(|if_match| Self { if_match, refusal: Mutex::default() }))
    }
}
