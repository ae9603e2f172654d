//! Many images in one request: found, changed or deleted by a collection of their ids.

pub mod change;
pub mod delete;
pub mod find;

use dlcs_api::{Collection, Image, Links, MAX_BULK, Neighbours, Page, Resource};
use dlcs_db::image;
use dlcs_http::view;

pub use change::change;
pub use delete::delete;
pub use find::find;

/// The images as one collection, never in pages.
fn collection(links: &Links, url: &str, rows: Vec<image::Image>) -> Collection<Resource<Image>> {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    let (total, page) = (count(rows.len()), Page { number: 1, size: count(MAX_BULK) });
    let members = rows.into_iter().map(|row| Resource::member(links.image(&row.key()), view::image(links, row)));
    Collection::page(url, "", page, total, &Neighbours::default(), members.collect())
}
