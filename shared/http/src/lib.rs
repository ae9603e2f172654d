//! HTTP as our services speak it, on actix-web: one shape of errors, one way to authenticate, read bodies, page and
//! answer, one log line and one id per request.
//!
//! A service calls [`serve`] with its routes, made by [`resource`]; handlers ask for what they need ([`Authorized`],
//! [`InPath`], [`JsonBody`], [`Paging`], [`PublicLinks`]) and return `Result<HttpResponse, Problem>`.

mod answer;
mod auth;
mod body;
mod entity_tag;
mod json;
mod observe;
mod paging;
mod path;
mod problem;
mod public_url;
mod rate;
mod readiness;
mod routes;
mod server;
mod totals;
pub mod view;

pub use answer::{Answer, Tag};
pub use auth::{Admin, Authenticator, Authorized, Caller, Credentials};
pub use body::{Admitted, JsonBody, JsonText, Pieces, parse_json};
pub use entity_tag::{EntityTag, IfMatch};
pub use observe::RequestId;
pub use paging::Paging;
pub use path::{InPath, PathPart};
pub use problem::{Context, Problem};
pub use public_url::PublicLinks;
pub use rate::RateSettings;
pub use readiness::watch_database;
pub use routes::{Methods, Route, resource, routes_of};
pub use server::{HttpSettings, bind, serve};
