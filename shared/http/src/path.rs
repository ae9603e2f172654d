//! Parts of a path as typed values.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use dlcs_api::links::percent_decode;
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
    let text = request.match_info().get(T::NAME);
    let text = text.ok_or_else(|| Problem::internal(format!("the route has no {{{}}}", T::NAME)))?;
    // The framework has decoded all escapes but those of `%`, `/` and `+`.
    T::parse(&percent_decode(text))
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

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::{App, HttpResponse, test, web};

    #[actix_web::test]
    async fn escapes_are_decoded_once() {
        async fn echo(InPath(id): InPath<ImageId>) -> HttpResponse {
            HttpResponse::Ok().body(id.to_string())
        }
        let app = test::init_service(App::new().route("/images/{image}", web::get().to(echo))).await;
        let ask = async |id: &str| {
            let request = test::TestRequest::get().uri(&format!("/images/{id}")).to_request();
            let response = test::call_service(&app, request).await;
            (response.status().as_u16(), String::from_utf8(test::read_body(response).await.to_vec()).unwrap())
        };
        for (sent, id) in [("a-b", "a-b"), ("a%2Db", "a-b"), ("a%2Bb", "a+b"), ("a+b", "a+b"), ("%61%3a%40", "a:@")] {
            assert_eq!(ask(sent).await, (200, id.to_owned()), "{sent}");
        }
        for bad in ["a%2Fb", "a%252Db", "%25", "a%20b", "%C3%A9", "%FF", "%zz", "%00", "a%5Cb"] {
            assert_eq!(ask(bad).await.0, 400, "{bad}");
        }
    }
}
