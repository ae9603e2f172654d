//! Examples: JSON in colours, and requests to copy.

use std::fmt::Write as _;

use serde_json::Value;

use super::text::Escaped;

/// A block of JSON.
pub fn json(value: &Value) -> String {
    let mut html = "<pre tabindex=\"0\"><code>".to_owned();
    write_value(&mut html, value, 0);
    html += "</code></pre>\n";
    html
}

fn write_value(html: &mut String, value: &Value, depth: usize) {
    let inner = "  ".repeat(depth + 1);
    match value {
        Value::Object(map) if !map.is_empty() => {
            html.push_str("{\n");
            for (index, (name, value)) in map.iter().enumerate() {
                let name = Value::from(name.as_str()).to_string();
                let _ = write!(html, "{inner}<span class=\"k\">{}</span>: ", Escaped(&name));
                write_value(html, value, depth + 1);
                html.push_str(if index + 1 < map.len() { ",\n" } else { "\n" });
            }
            let _ = write!(html, "{}}}", "  ".repeat(depth));
        }
        Value::Array(items) if items.iter().any(|item| item.is_object()) => {
            html.push_str("[\n");
            for (index, value) in items.iter().enumerate() {
                html.push_str(&inner);
                write_value(html, value, depth + 1);
                html.push_str(if index + 1 < items.len() { ",\n" } else { "\n" });
            }
            let _ = write!(html, "{}]", "  ".repeat(depth));
        }
        Value::String(_) => {
            let _ = write!(html, "<span class=\"s\">{}</span>", Escaped(&value.to_string()));
        }
        Value::Number(_) | Value::Bool(_) | Value::Null => {
            let _ = write!(html, "<span class=\"n\">{value}</span>");
        }
        Value::Object(_) | Value::Array(_) => html.push_str(&Escaped(&value.to_string()).to_string()),
    }
}

/// A request as one types it.
pub struct Request<'r> {
    /// `get` and so on.
    pub method: &'r str,
    /// The whole URL.
    pub url: &'r str,
    /// Whether it needs a key.
    pub keyed: bool,
    /// The body, if there is one.
    pub body: Option<&'r Value>,
}

impl Request<'_> {
    /// The request as a block.
    pub fn write(&self, html: &mut String) {
        let Self { method, url, keyed, body } = self;
        let mut text = "curl".to_owned();
        if *keyed {
            text += " --user \"$DLCS_KEY:$DLCS_SECRET\"";
        }
        // curl's own choice for requests with and without a body.
        if *method != if body.is_some() { "post" } else { "get" } {
            let _ = write!(text, " -X {}", method.to_ascii_uppercase());
        }
        let long = text.len() + url.len() > 90 || body.is_some();
        let _ = write!(text, "{}'{url}'", if long { " \\\n  " } else { " " });
        if let Some(body) = body {
            let body = serde_json::to_string_pretty(body).unwrap_or_default().replace('\'', "'\\''");
            let _ = write!(text, " \\\n  -H 'Content-Type: application/json' -d '{body}'");
        }
        let _ = writeln!(html, "<pre tabindex=\"0\"><code>{}</code></pre>", Escaped(&text));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn json_is_laid_out_and_escaped() {
        let html = json(&json!({"a": ["x", 1], "b": [{"<": null}], "c": {}}));
        let text =
            html.replace("<span class=\"k\">", "").replace("<span class=\"s\">", "").replace("<span class=\"n\">", "");
        let expected = "{\n  &quot;a&quot;: [&quot;x&quot;,1],\n  &quot;b&quot;: [\n    {\n      &quot;&lt;&quot;: null\n    }\n  ],\n  &quot;c&quot;: {}\n}";
        assert_eq!(text.replace("</span>", ""), format!("<pre tabindex=\"0\"><code>{expected}</code></pre>\n"));
    }

    #[test]
    fn a_quote_in_a_body_survives_the_shell() {
        let mut html = String::new();
        let body = json!("it's");
        Request { method: "put", url: "http://x/", keyed: true, body: Some(&body) }.write(&mut html);
        assert!(html.contains("-X PUT") && html.contains("it&#39;\\&#39;&#39;s"), "{html}");
    }
}
