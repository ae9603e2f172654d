//! One operation: what it is asked with and what comes back.

use std::fmt::Write as _;

use serde_json::Value;

use super::example::{self, Request};
use super::schema::{self, resolved};
use super::text::{Escaped, inline, prose};

/// An operation of the document.
#[derive(Debug, Clone)]
pub struct Operation<'d> {
    document: &'d Value,
    path: &'d str,
    method: &'d str,
    value: &'d Value,
}

impl<'d> Operation<'d> {
    /// Every operation, by path.
    pub fn all(document: &'d Value) -> Vec<Self> {
        let paths = document["paths"].as_object().into_iter().flatten();
        let of = |(path, item): (&'d String, &'d Value)| {
            let operations = item.as_object().into_iter().flatten();
            operations.map(move |(method, value)| Self { document, path, method, value }).collect::<Vec<_>>()
        };
        paths.flat_map(of).collect()
    }

    /// The group it belongs to.
    pub fn tag(&self) -> &'d str {
        self.text("tags/0")
    }

    fn text(&self, pointer: &str) -> &'d str {
        self.value.pointer(&format!("/{pointer}")).and_then(Value::as_str).unwrap_or_default()
    }

    /// Its line in the contents.
    pub fn write_entry(&self, html: &mut String) {
        let (id, summary, method) = (Escaped(self.text("operationId")), Escaped(self.text("summary")), self.method);
        let _ = writeln!(html, "<li><a href=\"#{id}\"><b class=\"method {method}\">{method}</b> {summary}</a></li>");
    }

    /// All of it.
    pub fn write(&self, html: &mut String) {
        let (id, summary, method) = (Escaped(self.text("operationId")), inline(self.text("summary")), self.method);
        let open = if self.keyed() { "" } else { " <span class=\"open\">open to all</span>" };
        let _ = write!(
            html,
            "<article aria-labelledby=\"{id}\">\n<h3 id=\"{id}\"><a href=\"#{id}\">{summary}</a></h3>\n\
             <p class=\"line\"><b class=\"method {method}\">{method}</b> <code>{}</code>{open}</p>\n",
            Escaped(self.path)
        );
        *html += &prose(self.text("description"));
        self.write_parameters(html);
        self.write_body(html);
        let url = self.example_url();
        Request { method, url: &url, keyed: self.keyed(), body: self.body_example() }.write(html);
        self.write_answers(html);
        *html += "</article>\n";
    }

    fn keyed(&self) -> bool {
        self.value.get("security").is_none()
    }

    fn parameters(&self) -> impl Iterator<Item = &'d Value> {
        let parameters = self.value["parameters"].as_array().into_iter().flatten();
        parameters.map(|parameter| resolved(parameter, self.document))
    }

    /// The parameters that the path does not show by itself.
    fn write_parameters(&self, html: &mut String) {
        let shown: Vec<_> = self.parameters().filter(|parameter| parameter["in"] != "path").collect();
        if shown.is_empty() {
            return;
        }
        *html += "<details>\n<summary>Parameters</summary>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">name</th><th scope=\"col\">in</th><th scope=\"col\">type</th><th scope=\"col\">meaning</th></tr></thead>\n<tbody>\n";
        for parameter in shown {
            let text = |name: &str| parameter[name].as_str().unwrap_or_default();
            let _ = writeln!(
                html,
                "<tr><th scope=\"row\"><code>{}</code></th><td>{}</td><td>{}</td><td>{}</td></tr>",
                Escaped(text("name")),
                Escaped(text("in")),
                schema::kind(parameter_schema(parameter), self.document),
                inline(text("description"))
            );
        }
        *html += "</tbody>\n</table></div>\n</details>\n";
    }

    fn body_schema(&self) -> Option<&'d Value> {
        let schema = self.value["requestBody"]["content"].as_object()?.values().next()?.get("schema")?;
        Some(resolved(schema, self.document))
    }

    fn body_example(&self) -> Option<&'d Value> {
        self.body_schema()?["examples"].get(0)
    }

    fn write_body(&self, html: &mut String) {
        let Some(schema) = self.body_schema() else { return };
        *html += "<details>\n<summary>Body</summary>\n";
        *html += &prose(schema["description"].as_str().unwrap_or_default());
        schema::write(html, schema, self.document);
        *html += "</details>\n";
    }

    fn example_url(&self) -> String {
        let root = self.document["servers"][0]["url"].as_str().unwrap_or_default();
        self.parameters().filter(|parameter| parameter["in"] == "path").fold(
            format!("{root}{}", self.path),
            |url, parameter| {
                let example = &parameter["example"];
                let example = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
                url.replace(&format!("{{{}}}", parameter["name"].as_str().unwrap_or_default()), &example)
            },
        )
    }

    fn write_answers(&self, html: &mut String) {
        *html += "<ul class=\"answers\">\n";
        for (status, answer) in self.value["responses"].as_object().into_iter().flatten() {
            // What many operations have in common is told once, at the end of the page.
            let common = answer.get("$ref").is_some();
            let answer = resolved(answer, self.document);
            let class = status.chars().next().unwrap_or('0');
            let description = inline(answer["description"].as_str().unwrap_or_default());
            let line = format!("<b class=\"status s{class}\">{status}</b> {description}");
            let example = self.answer_example(answer).filter(|_| !common);
            match example {
                Some(example) => {
                    let _ = write!(html, "<li><details>\n<summary>{line}</summary>\n{}", example::json(example));
                    if class == '2' {
                        self.write_answer_fields(html, answer);
                    }
                    *html += "</details></li>\n";
                }
                None if common => {
                    let _ = writeln!(html, "<li><a href=\"#problems\">{line}</a></li>");
                }
                None => {
                    let _ = writeln!(html, "<li>{line}</li>");
                }
            }
        }
        *html += "</ul>\n";
    }

    fn answer_example(&self, answer: &'d Value) -> Option<&'d Value> {
        let content = answer["content"].as_object()?.values().next()?;
        content.get("example").or_else(|| resolved(&content["schema"], self.document)["examples"].get(0))
    }

    fn write_answer_fields(&self, html: &mut String, answer: &'d Value) {
        let Some(content) = answer["content"].as_object().and_then(|content| content.values().next()) else { return };
        schema::write(html, &content["schema"], self.document);
    }
}

/// A parameter is described by a schema, or as JSON by the schema of that.
fn parameter_schema(parameter: &Value) -> &Value {
    parameter.get("schema").unwrap_or(&parameter["content"]["application/json"]["schema"])
}
