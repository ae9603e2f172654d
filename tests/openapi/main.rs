//! shared/api/openapi.json is what the handlers of all services say about themselves: put together, completed by rules
//! and compared. Every route is described, and every description is of a route.

#![cfg(test)]

mod checks;
mod document;
mod listing;
mod problems;
mod rules;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/api/openapi.json");
const REWRITE: &str = "DLCS_UPDATE_DOCS=1 ./deploy/local/test -p dlcs-tests --test openapi";

#[test]
fn the_document_is_what_the_handlers_say() {
    let mut text = serde_json::to_string_pretty(&document::document()).unwrap();
    text.push('\n');
    if std::env::var_os("DLCS_UPDATE_DOCS").is_some() {
        std::fs::write(PAGE, &text).unwrap();
    }
    let written = std::fs::read_to_string(PAGE).unwrap_or_default();
    assert!(written == text, "shared/api/openapi.json is out of date: {REWRITE}");
}
