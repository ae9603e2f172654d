//! Pages of collections.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use dlcs_api::{Collection, Page};

use crate::Problem;

/// Which page a request asks for, and the query that its neighbours' links repeat.
#[derive(Debug, Clone)]
pub struct Paging {
    /// The page.
    pub page: Page,
    query: String,
}

impl Paging {
    /// The page's collection; `url` is the collection's without a query.
    #[must_use]
    pub fn collection<T>(&self, url: &str, total: i64, members: Vec<T>) -> Collection<T> {
        Collection::page(url, &self.query, self.page, total, members)
    }
}

impl FromRequest for Paging {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let query = request.query_string();
        let find = |name| query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name);
        let page = Page::read(find("page").map(|pair| pair.1), find("pageSize").map(|pair| pair.1));
        ready(Ok(Self { page, query: query.to_owned() }))
    }
}
