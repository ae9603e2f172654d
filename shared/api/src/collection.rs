//! Hydra collections, whole and in pages.

use serde::Serialize;

/// The context of every collection and error.
pub const HYDRA: &str = "http://www.w3.org/ns/hydra/context.jsonld";

/// Some or all members of a collection.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Collection<T> {
    /// Always [`HYDRA`].
    #[serde(rename = "@context")]
    pub context: &'static str,
    /// The URL of the collection, without paging.
    #[serde(rename = "@id")]
    #[schema(format = "uri")]
    pub id: String,
    /// Always `Collection`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
    /// All members, exactly.
    pub total_items: i64,
    /// Members of a full page.
    pub page_size: i64,
    /// The members of this page.
    pub member: Vec<T>,
    /// Where the other pages are, if there is more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<PartialCollectionView>,
}

/// The neighbours of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartialCollectionView {
    /// This page.
    #[serde(rename = "@id")]
    #[schema(format = "uri")]
    pub id: String,
    /// Always `PartialCollectionView`.
    #[serde(rename = "@type")]
    pub kind: &'static str,
    /// The first page.
    #[schema(format = "uri")]
    pub first: String,
    /// The page before, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// The page after, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// The last page.
    #[schema(format = "uri")]
    pub last: String,
    /// This page's number, from 1.
    pub page: i64,
    /// Members of a full page.
    pub page_size: i64,
    /// How many pages there are.
    pub total_pages: i64,
}

/// Which part of a collection is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// The page, from 1.
    pub number: i64,
    /// Members of a full page.
    pub size: i64,
}

impl Page {
    /// Members of a page unless the request says otherwise.
    pub const DEFAULT_SIZE: i64 = 100;
    /// Members of a page at most; more is clamped.
    pub const MAX_SIZE: i64 = 1000;

    /// Reads `page` and `pageSize`; what is no positive number means the default.
    #[must_use]
    pub fn read(number: Option<&str>, size: Option<&str>) -> Self {
        let positive = |text: Option<&str>| text.and_then(|t| t.parse::<i64>().ok()).filter(|n| *n > 0);
        // A bound on the page keeps `offset` within 64 bits.
        let number = positive(number).unwrap_or(1).min(i64::MAX / Self::MAX_SIZE);
        Self { number, size: positive(size).unwrap_or(Self::DEFAULT_SIZE).min(Self::MAX_SIZE) }
    }

    /// How many members stand before this page.
    #[must_use]
    pub fn offset(self) -> i64 {
        (self.number - 1) * self.size
    }
}

/// Where the pages beside a page begin, as cursors. They make a neighbour cheap to find, however deep it lies, and keep
/// rows from being skipped or repeated when others come and go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Neighbours {
    /// The place of the first member, if there are members before it.
    pub before: Option<String>,
    /// The place of the last member, if there are members after it.
    pub after: Option<String>,
}

impl<T> Collection<T> {
    /// One page. `url` is the collection's, `query` the request's, of which every parameter but the paging's is kept.
    #[must_use]
    pub fn page(url: &str, query: &str, page: Page, total: i64, beside: &Neighbours, member: Vec<T>) -> Self {
        let Page { number, size } = page;
        let pages = total.div_euclid(size) + i64::from(total.rem_euclid(size) > 0);
        let (at, kept): (Vec<&str>, Vec<&str>) = query
            .split('&')
            .filter(|pair| !pair.is_empty() && !is_one_of(pair, &["page", "pageSize"]))
            .partition(|pair| is_one_of(pair, &["after", "before"]));
        let link = |number: i64, at: &str| {
            let kept = kept.iter().fold(String::new(), |text, pair| text + pair + "&");
            format!("{url}?{kept}page={number}&pageSize={size}{at}")
        };
        let Neighbours { before, after } = beside;
        let before = before.as_ref().filter(|_| number > 2).map(|cursor| format!("&before={cursor}"));
        let after = after.as_ref().map(|cursor| format!("&after={cursor}"));
        let several = pages > 1 || number > 1 || after.is_some();
        let view = (several && total > 0).then(|| PartialCollectionView {
            id: link(number, &at.iter().fold(String::new(), |text, pair| text + "&" + pair)),
            kind: "PartialCollectionView",
            first: link(1, ""),
            previous: (number > 1).then(|| link((number - 1).min(pages), before.as_deref().unwrap_or(""))),
            next: after.map(|after| link(number + 1, &after)),
            last: link(pages, ""),
            page: number,
            page_size: size,
            total_pages: pages,
        });
        let id = if kept.is_empty() { url.to_owned() } else { format!("{url}?{}", kept.join("&")) };
        Self { context: HYDRA, id, kind: "Collection", total_items: total, page_size: size, member, view }
    }
}

impl<T> Collection<T> {
    /// All members at once, for collections that are always small.
    #[must_use]
    pub fn whole(url: &str, member: Vec<T>) -> Self {
        let total = i64::try_from(member.len()).unwrap_or(i64::MAX);
        let (id, page_size) = (url.to_owned(), Page::DEFAULT_SIZE);
        Self { context: HYDRA, id, kind: "Collection", total_items: total, page_size, member, view: None }
    }
}

fn is_one_of(pair: &str, names: &[&str]) -> bool {
    pair.split('=').next().is_some_and(|name| names.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_leniently() {
        let read = |n, s| {
            let Page { number, size } = Page::read(n, s);
            (number, size)
        };
        assert_eq!(read(None, None), (1, 100));
        assert_eq!(read(Some("3"), Some("5000")), (3, 1000));
        for bad in ["0", "-1", "x", "", "99999999999999999999"] {
            assert_eq!(read(Some(bad), Some(bad)), (1, 100), "{bad}");
        }
        assert!(Page::read(Some("9223372036854775807"), Some("1000")).offset() > 0);
    }

    fn beside(before: &str, after: &str) -> Neighbours {
        let place = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Neighbours { before: place(before), after: place(after) }
    }

    #[test]
    fn links_keep_every_parameter() {
        let page = Page { number: 3, size: 10 };
        let query = "label=a%20b&page=3&state=error&after=X&pageSize=10";
        let collection = Collection::page("https://x/b", query, page, 35, &beside("F", "L"), vec![1]);
        let view = collection.view.unwrap();
        let link = |rest: &str| format!("https://x/b?label=a%20b&state=error&page={rest}");
        assert_eq!(view.id, link("3&pageSize=10&after=X"));
        assert_eq!(view.first, link("1&pageSize=10"));
        assert_eq!(view.previous.unwrap(), link("2&pageSize=10&before=F"));
        assert_eq!(view.next.unwrap(), link("4&pageSize=10&after=L"));
        assert_eq!(view.last, link("4&pageSize=10"));
        assert_eq!(view.total_pages, 4);
        assert_eq!(collection.id, "https://x/b?label=a%20b&state=error");
    }

    #[test]
    fn neighbours_only_where_they_exist() {
        let at = |number, total, after| {
            let page = Page { number, size: 10 };
            Collection::<()>::page("u", "", page, total, &beside("F", after), vec![]).view
        };
        assert_eq!(at(1, 10, ""), None);
        assert_eq!(at(1, 0, ""), None);
        let (first, last, past) = (at(1, 11, "L").unwrap(), at(2, 11, "").unwrap(), at(9, 11, "").unwrap());
        assert_eq!((first.previous, first.next.as_deref()), (None, Some("u?page=2&pageSize=10&after=L")));
        assert_eq!((last.previous.as_deref(), last.next), (Some("u?page=1&pageSize=10"), None));
        assert_eq!((past.previous.as_deref(), past.next), (Some("u?page=2&pageSize=10&before=F"), None));
    }
}
