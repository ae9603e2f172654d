//! Pages of collections: what a request asks for, and the collection that answers it.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use dlcs_api::parameters::Place;
use dlcs_api::{Collection, Cursor, Faults, Filter, Neighbours, Page, Parameters};
use dlcs_db::DbError;
use dlcs_db::page::{From, Listing, Slice};
use dlcs_model::{Field, Order, Unordered};

use crate::Problem;
use crate::server::Shared;
use crate::totals::Totals;

/// Which part of a collection a request asks for: the page, the order (by an `O`) and the filter (an `F`).
///
/// A handler counts, slices and answers:
/// `let total = paging.total(count(…)).await?; let rows = list(…, &paging.slice(total)).await?;
/// paging.collection(&url, total, rows, |row| …)`.
#[derive(Debug, Clone)]
pub struct Paging<O = Unordered, F = ()> {
    /// The page.
    pub page: Page,
    /// Which members.
    pub filter: F,
    order: Option<Order<O>>,
    place: Option<Place>,
    path: String,
    query: String,
    totals: Totals,
}

impl<O: Field, F: Filter> Paging<O, F> {
    /// How many members there are: as `count` says, or as it said not long ago, if it takes long to say.
    ///
    /// # Errors
    /// Those of `count`.
    pub async fn total(&self, count: impl Future<Output = Result<i64, DbError>>) -> Result<i64, DbError> {
        self.totals.get(format!("{} {:?}", self.path, self.filter), count).await
    }

    /// The rows of the page, of a collection of so many.
    #[must_use]
    pub fn slice(&self, total: i64) -> Slice<O> {
        let Page { size, .. } = self.page;
        let offset = self.page.offset();
        let (from, limit) = match &self.place {
            Some(Place::After(Cursor(keys))) => (From::After(keys.clone()), size),
            Some(Place::Before(Cursor(keys))) => (From::Before(keys.clone()), size),
            None if offset >= total => (From::Start(0), 0),
            None if offset <= total / 2 => (From::Start(offset), size),
            // The second half is nearer from the end, where the last page is the first.
            None => (From::End((total - offset - size).max(0)), size.min(total - offset)),
        };
        Slice { order: self.order, from, limit }
    }

    /// The page's collection; `url` is the collection's without a query.
    #[must_use]
    pub fn collection<R, T>(
        &self,
        url: &str,
        total: i64,
        listing: Listing<R>,
        show: impl FnMut(R) -> T,
    ) -> Collection<T> {
        let Listing { rows, before, after } = listing;
        let name = self.order.map_or("", |order| order.by.name());
        let text = |keys| Cursor(keys).text(name);
        let beside = Neighbours { before: before.map(text), after: after.map(text) };
        Collection::page(url, &self.query, self.page, total, &beside, rows.into_iter().map(show).collect())
    }
}

impl<O: Field, F: Filter> FromRequest for Paging<O, F> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let mut faults = Faults::default();
        let query = request.query_string();
        let parameters = Parameters::read(query, &mut faults);
        let page = parameters.page(&mut faults);
        let order = parameters.order(&mut faults);
        let place = parameters.place(order, &mut faults);
        let filter = F::read(&parameters, &mut faults);
        let totals = request.app_data::<Data<Shared>>().map(|shared| shared.totals.clone()).unwrap_or_default();
        let (path, query) = (request.path().to_owned(), query.to_owned());
        ready(faults.check(Self { page, filter, order, place, path, query, totals }).map_err(Problem::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;
    use dlcs_model::{ImageField, ImageFilter, Key};

    async fn ask<O: Field, F: Filter>(query: &str) -> Result<Paging<O, F>, Problem> {
        let request = TestRequest::with_uri(&format!("/images?{query}")).to_http_request();
        Paging::extract(&request).await
    }

    #[actix_web::test]
    async fn a_page_is_taken_from_the_nearer_end() {
        for (query, total, from, limit) in [
            ("", 35, From::Start(0), 100),
            ("page=2&pageSize=10", 35, From::Start(10), 10),
            ("page=3&pageSize=10", 35, From::End(5), 10),
            ("page=4&pageSize=10", 35, From::End(0), 5),
            ("page=5&pageSize=10", 35, From::Start(0), 0),
            ("page=9223372036854775807&pageSize=1000", 35, From::Start(0), 0),
        ] {
            let slice = ask::<Unordered, ()>(query).await.unwrap().slice(total);
            assert_eq!((slice.from, slice.limit), (from, limit), "{query}");
        }
    }

    #[actix_web::test]
    async fn the_next_link_leads_behind_the_last_row() {
        let first = ask::<ImageField, ImageFilter>("orderByDescending=string1&string2=x&pageSize=2").await.unwrap();
        let keys = vec![Key::from("é"), Key::from(7_i64)];
        let listing = Listing { rows: vec![1, 2], before: None, after: Some(keys.clone()) };
        let next = first.collection("/images", 9, listing, |row| row).view.unwrap().next.unwrap();
        let slice = ask::<ImageField, ImageFilter>(next.split_once('?').unwrap().1).await.unwrap().slice(9);
        let order = Some(Order { by: ImageField::String1, descending: true });
        assert_eq!((slice.from, slice.order, slice.limit), (From::After(keys), order, 2));
        let elsewhere = next.split_once('?').unwrap().1.replace("string1", "string2");
        assert!(ask::<ImageField, ImageFilter>(&elsewhere).await.is_err());
    }

    #[actix_web::test]
    async fn all_faults_are_told_at_once() {
        let problem = ask::<ImageField, ImageFilter>("orderBy=x&state=y&q=1").await.unwrap_err();
        assert!(problem.to_string().contains("3 faults"), "{problem}");
    }
}
