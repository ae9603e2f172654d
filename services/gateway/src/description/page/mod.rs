//! `GET /docs`: the document as a page for people. No script, nothing from elsewhere.

mod example;
mod operation;
mod schema;
mod text;

use std::fmt::Write as _;

use actix_web::http::header::{self, HeaderName};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use dlcs_http::{Answer, Problem, PublicLinks};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::document::document;
use operation::Operation;
use text::{Escaped, prose};

const STYLE: &str = include_str!("style.css");

/// The readable page.
///
/// The OpenAPI document for people, with examples to copy.
#[utoipa::path(
    get,
    path = "/docs",
    operation_id = "readDocs",
    tag = "description",
    security(()),
    responses((status = 200, description = "A page of HTML.", content_type = "text/html; charset=utf-8", body = String)),
)]
pub async fn read(request: HttpRequest, PublicLinks(links): PublicLinks) -> Result<HttpResponse, Problem> {
    let page = page(&document(&links)?);
    let style = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    let answer = Answer::ok(&request)
        .header(header::CONTENT_SECURITY_POLICY, &policy)
        .header(HeaderName::from_static("referrer-policy"), "no-referrer");
    Ok(answer.bytes("text/html; charset=utf-8", page.into_bytes()))
}

/// Operations with their tag, in the order of the tags.
struct Group<'d> {
    name: &'d str,
    description: &'d str,
    operations: Vec<Operation<'d>>,
}

fn groups(document: &Value) -> Vec<Group<'_>> {
    let all: Vec<Operation<'_>> = Operation::all(document);
    let text = |value: &'_ Value| value.as_str().unwrap_or_default().to_owned();
    let tags = document["tags"].as_array().into_iter().flatten();
    let group = |tag: &'_ Value| {
        let name = text(&tag["name"]);
        all.iter().filter(|operation| operation.tag() == name).cloned().collect::<Vec<_>>()
    };
    let groups = tags.map(|tag| Group {
        name: tag["name"].as_str().unwrap_or_default(),
        description: tag["description"].as_str().unwrap_or_default(),
        operations: group(tag),
    });
    groups.filter(|group| !group.operations.is_empty()).collect()
}

fn page(document: &Value) -> String {
    let groups = groups(document);
    let info = &document["info"];
    let title = Escaped(info["title"].as_str().unwrap_or_default());
    let root = Escaped(document["servers"][0]["url"].as_str().unwrap_or_default());
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title} API</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<a class=\"skip\" href=\"#main\">To the content</a>\n"
    );
    contents(&mut html, &groups);
    let _ = write!(
        html,
        "<main id=\"main\">\n<header>\n<h1>{title} API</h1>\n<p class=\"root\"><code>{root}</code></p>\n{}\
         <p class=\"links\"><a href=\"openapi.json\">OpenAPI 3.1</a> <a href=\"vocab\">Hydra vocabulary</a></p>\n</header>\n",
        prose(info["description"].as_str().unwrap_or_default())
    );
    for group in &groups {
        let (id, name) = (text::anchor(group.name), Escaped(group.name));
        let _ = write!(html, "<section aria-labelledby=\"{id}\">\n<h2 id=\"{id}\">{name}</h2>\n");
        html += &prose(group.description);
        for operation in &group.operations {
            operation.write(&mut html);
        }
        html += "</section>\n";
    }
    problems(&mut html, document);
    html += "</main>\n</body>\n</html>\n";
    html
}

fn contents(html: &mut String, groups: &[Group<'_>]) {
    *html += "<nav aria-label=\"Contents\">\n<details open>\n<summary>Contents</summary>\n<ul>\n";
    for group in groups {
        let _ = write!(html, "<li><a href=\"#{}\">{}</a>\n<ul>\n", text::anchor(group.name), Escaped(group.name));
        for operation in &group.operations {
            operation.write_entry(html);
        }
        *html += "</ul></li>\n";
    }
    *html += "<li><a href=\"#problems\">problems</a></li>\n</ul>\n</details>\n</nav>\n";
}

/// What many operations are refused with, told once.
fn problems(html: &mut String, document: &Value) {
    *html += "<section aria-labelledby=\"problems\">\n<h2 id=\"problems\">problems</h2>\n";
    *html += &prose(
        "Everything that is refused has one shape, `application/problem+json`: RFC 9457 and a Hydra error at once. \
         `errors` lists every fault of the request with a pointer to its place.",
    );
    for answer in document["components"]["responses"].as_object().into_iter().flatten().map(|(_, answer)| answer) {
        let problem = &answer["content"]["application/problem+json"]["example"];
        let (status, description) = (&problem["status"], answer["description"].as_str().unwrap_or_default());
        let _ = write!(
            html,
            "<details>\n<summary><b class=\"status s{}\">{status}</b> {}</summary>\n",
            status.to_string().chars().next().unwrap_or('0'),
            Escaped(description)
        );
        *html += &example::json(problem);
        *html += "</details>\n";
    }
    *html += "<h3>Their fields</h3>\n";
    schema::write(html, &document["components"]["schemas"]["Problem"], document);
    *html += "</section>\n";
}
