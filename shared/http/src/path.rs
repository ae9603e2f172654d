//! Parts of a path as typed values.

use std::collections::HashMap;
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Path;
use actix_web::{FromRequest, HttpRequest};
use dlcs_model::{BatchId, CustomerId, ImageId, SpaceId};

use crate::Problem;

/// A value that stands in a path under a name of its own.
pub trait PathPart: Sized {
    /// The name in route patterns.
    const NAME: &'static str;

    /// Reads the decoded text.
    ///
    /// # Errors
    /// The answer to a request with something else in this place.
    fn parse(text: &str) -> Result<Self, Problem>;
}

/// A part of the request's path. `%` escapes were decoded once.
#[derive(Debug, Clone)]
pub struct InPath<T>(pub T);

impl<T: PathPart> FromRequest for InPath<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(part(request).map(Self))
    }
}

/// Reads a part of a request's path.
pub(crate) fn part<T: PathPart>(request: &HttpRequest) -> Result<T, Problem> {
    let parts = Path::<HashMap<String, String>>::extract(request).into_inner();
    let text = parts.ok().and_then(|parts| parts.into_inner().remove(T::NAME));
    T::parse(&text.ok_or_else(|| Problem::internal(format!("the route has no {{{}}}", T::NAME)))?)
}

macro_rules! number {
    ($type:ident, $name:literal) => {
        impl PathPart for $type {
            const NAME: &'static str = $name;

            fn parse(text: &str) -> Result<Self, Problem> {
                let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten();
                number.map(Self).ok_or_else(|| Problem::not_found(concat!("There is no such ", $name, ".")))
            }
        }
    };
}

number!(CustomerId, "customer");
number!(SpaceId, "space");
number!(BatchId, "batch");

impl PathPart for ImageId {
    const NAME: &'static str = "image";

    fn parse(text: &str) -> Result<Self, Problem> {
        Self::new(text).map_err(|error| Problem::fault("invalid-id", Self::NAME, error.to_string()))
    }
}
