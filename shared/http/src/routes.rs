//! Routes by path first, so that a wrong method is told from a wrong path.

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{FromRequest, Handler, HttpResponse, Resource, Responder, guard, web};
use dlcs_api::ProblemKind;

use crate::Problem;

/// The methods of one path.
pub struct Methods {
    path: String,
    resource: Resource,
    allowed: Vec<Method>,
    elsewhere: Vec<Method>,
}

/// One thing that can be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// How.
    pub method: Method,
    /// Where: a pattern with `{names}`.
    pub path: String,
}

/// Begins the methods of a path.
#[must_use]
pub fn resource(path: &str) -> Methods {
    Methods {
        path: path.to_owned(),
        resource: web::resource(path.to_owned()),
        allowed: Vec::new(),
        elsewhere: Vec::new(),
    }
}

/// Everything that a table of paths offers, for whoever has to look at all of it.
#[must_use]
pub fn routes_of(table: Vec<Methods>) -> Vec<Route> {
    let of = |Methods { path, allowed, .. }| {
        allowed.into_iter().map(move |method| Route { method, path: String::clone(&path) }).collect::<Vec<_>>()
    };
    table.into_iter().flat_map(of).collect()
}

impl Methods {
    /// `GET`, and `HEAD` with it.
    #[must_use]
    pub fn get<F, Args>(mut self, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        let either = guard::Any(guard::Get()).or(guard::Head());
        self.resource = self.resource.route(web::route().guard(either).to(handler));
        self.allowed.extend([Method::GET, Method::HEAD]);
        self
    }

    /// Any other method.
    #[must_use]
    pub fn on<F, Args>(mut self, method: Method, handler: F) -> Self
    where
        F: Handler<Args>,
        Args: FromRequest + 'static,
        F::Output: Responder + 'static,
    {
        self.resource = self.resource.route(web::method(method.clone()).to(handler));
        self.allowed.push(method);
        self
    }

    /// Methods of this path that the edge sends to another service: they are told of, not answered here.
    #[must_use]
    pub fn elsewhere(mut self, methods: impl IntoIterator<Item = Method>) -> Self {
        self.elsewhere.extend(methods);
        self
    }

    /// The resource; any other method is answered with 405, and `OPTIONS` with what there is.
    #[must_use]
    pub fn done(self) -> Resource {
        let names: Vec<_> = self.allowed.iter().chain(&self.elsewhere).map(Method::as_str).chain(["OPTIONS"]).collect();
        let allow = names.join(", ");
        let options = allow.clone();
        self.resource
            .route(web::method(Method::OPTIONS).to(move || {
                let answer = HttpResponse::NoContent().insert_header((header::ALLOW, options.clone())).finish();
                std::future::ready(answer)
            }))
            .default_service(web::to(move || std::future::ready(refuse(&allow))))
    }
}

fn refuse(allow: &str) -> Result<HttpResponse, Problem> {
    let detail = format!("Only {allow} can be used here.");
    let value = HeaderValue::from_str(allow).map_err(Problem::internal)?;
    Err(Problem::new(ProblemKind::MethodNotAllowed, detail).header(header::ALLOW, value))
}

/// What is found at any other path.
pub(crate) async fn unknown_path() -> Result<HttpResponse, Problem> {
    Err(Problem::not_found("There is nothing at this path."))
}
