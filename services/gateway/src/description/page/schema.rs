//! The fields of an object as a table.

use std::fmt::Write as _;

use serde_json::Value;

use super::text::{Escaped, inline};

/// What a reference leads to, or the value itself.
pub fn resolved<'d>(value: &'d Value, document: &'d Value) -> &'d Value {
    let target = value["$ref"].as_str().and_then(|path| document.pointer(path.trim_start_matches('#')));
    target.unwrap_or(value)
}

/// A table of an object's fields.
pub fn write(html: &mut String, schema: &Value, document: &Value) {
    let schema = resolved(schema, document);
    let required: Vec<_> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let Some(fields) = schema["properties"].as_object() else { return };
    *html += "<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">field</th><th scope=\"col\">type</th><th scope=\"col\">meaning</th></tr></thead>\n<tbody>\n";
    for (name, field) in fields {
        let mark = if required.contains(&name.as_str()) { " <b class=\"required\">required</b>" } else { "" };
        let target = resolved(field, document);
        let description = field["description"].as_str().or(target["description"].as_str()).unwrap_or_default();
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\"><code>{}</code>{mark}</th><td>{}</td><td>{}{}</td></tr>",
            Escaped(name),
            kind(field, document),
            inline(description),
            limits(target)
        );
    }
    *html += "</tbody>\n</table></div>\n";
    nested(html, schema, document);
}

/// The fields of what stands in a list.
fn nested(html: &mut String, schema: &Value, document: &Value) {
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let item = resolved(&field["items"], document);
        if item["properties"].is_object() {
            let _ = writeln!(html, "<p>Each of <code>{}</code>:</p>", Escaped(name));
            write(html, item, document);
        }
    }
}

/// A schema's type in a few words.
pub fn kind(schema: &Value, document: &Value) -> String {
    let schema = resolved(schema, document);
    if let Some(only) = schema.get("const") {
        return format!("<code>{}</code>", Escaped(&only.to_string()));
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let mut kinds: Vec<_> =
            choices.iter().filter(|choice| choice["type"] != "null").map(|choice| kind(choice, document)).collect();
        kinds.dedup();
        return kinds.join(" or ");
    }
    if schema["type"] == "array" {
        return format!("list of {}", kind(&schema["items"], document));
    }
    let types = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect(),
        one => vec![one.as_str().unwrap_or("any")],
    };
    let format = schema["format"].as_str().filter(|format| !format.starts_with("int") && *format != "double");
    Escaped(format.unwrap_or(&types.join(" or "))).to_string()
}

/// What a value is held to.
fn limits(schema: &Value) -> String {
    let mut words = Vec::new();
    if let Some(values) = schema["enum"].as_array() {
        let values = values.iter().filter_map(Value::as_str).map(|value| format!("<code>{}</code>", Escaped(value)));
        words.push(format!("One of {}.", values.collect::<Vec<_>>().join(", ")));
    }
    for (name, text) in [("maxLength", "characters"), ("maxItems", "entries")] {
        if let Some(limit) = schema[name].as_u64() {
            words.push(format!("At most {limit} {text}."));
        }
    }
    if let Some(default) = schema.get("default") {
        words.push(format!("Default <code>{}</code>.", Escaped(&default.to_string())));
    }
    if words.is_empty() { String::new() } else { format!(" <span class=\"limits\">{}</span>", words.join(" ")) }
}
