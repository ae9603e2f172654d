//! The vocabulary as a Hydra ApiDocumentation, made from the types and from the operations of the OpenAPI document.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::Links;
use crate::collection::HYDRA;
use crate::vocabulary::{Type, range, types};

/// The documentation; `document` is the OpenAPI document.
#[must_use]
pub fn documentation(document: &Value, links: &Links) -> Value {
    let mut seen = BTreeSet::new();
    let classes = types().into_iter().filter(|kind| seen.insert(kind.name)).map(|kind| class(&kind, document));
    json!({
        "@context": [HYDRA, {
            "vocab": links.vocabulary_term(""), "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
            "rdfs": "http://www.w3.org/2000/01/rdf-schema#", "xsd": "http://www.w3.org/2001/XMLSchema#", "owl": "http://www.w3.org/2002/07/owl#",
            "hydra": "http://www.w3.org/ns/hydra/core#"
        }],
        "@id": links.vocabulary(),
        "@type": "ApiDocumentation",
        "title": document["info"]["title"],
        "description": document["info"]["description"],
        "entrypoint": links.entry_point(),
        "supportedClass": classes.collect::<Vec<_>>()
    })
}

fn class(kind: &Type, document: &Value) -> Value {
    let written = written(kind, document);
    let properties =
        kind.fields.iter().map(|(name, schema)| property(kind, name, schema, written.contains(name.as_str())));
    json!({
        "@id": kind.kind, "@type": "Class", "title": kind.name, "description": kind.description,
        "supportedProperty": properties.collect::<Vec<_>>(),
        "supportedOperation": operations(kind, document)
    })
}

fn property(kind: &Type, name: &str, schema: &Value, writeable: bool) -> Value {
    let link = range(schema) == "@id";
    let range = if link { "hydra:Resource" } else { range(schema) };
    json!({
        "@type": "SupportedProperty", "title": name, "description": schema["description"],
        "required": kind.required.iter().any(|required| required == name), "readable": true, "writeable": writeable,
        "property": {
            "@id": format!("vocab:{name}"), "@type": if link { "hydra:Link" } else { "rdf:Property" },
            "label": name, "range": range
        }
    })
}

/// The paths at which a resource of the type stands alone: its `GET` answers one.
fn paths<'d>(kind: &Type, document: &'d Value) -> impl Iterator<Item = &'d Value> {
    let reference = format!("#/components/schemas/{}", kind.schema);
    let paths = document["paths"].as_object().into_iter().flatten().map(|(_, item)| item);
    paths.filter(move |item| answers(&item["get"]).any(|(_, schema)| schema == Some(&reference)))
}

/// The answers of an operation, each with the schema it refers to.
fn answers(operation: &Value) -> impl Iterator<Item = (&str, Option<&str>)> {
    let answers = operation["responses"].as_object().into_iter().flatten();
    answers.map(|(status, answer)| {
        let content = answer["content"].as_object().and_then(|content| content.values().next());
        (status.as_str(), content.and_then(|content| content["schema"]["$ref"].as_str()))
    })
}

/// The names of the fields that can be sent.
fn written<'d>(kind: &Type, document: &'d Value) -> BTreeSet<&'d str> {
    let operations = paths(kind, document).flat_map(|item| item.as_object().into_iter().flatten());
    let schemas = operations.filter_map(|(_, operation)| {
        let content = operation["requestBody"]["content"].as_object()?.values().next()?;
        document.pointer(content["schema"]["$ref"].as_str()?.trim_start_matches('#'))
    });
    schemas
        .flat_map(|schema| schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name.as_str()))
        .collect()
}

/// What can be done with a resource of the type.
fn operations(kind: &Type, document: &Value) -> Vec<Value> {
    let operations = paths(kind, document).flat_map(|item| item.as_object().into_iter().flatten());
    operations.map(|(method, operation)| hydra(method, operation)).collect()
}

fn hydra(method: &str, operation: &Value) -> Value {
    let statuses = answers(operation).map(|(status, _)| {
        let description = &operation["responses"][status]["description"];
        let mut shown = json!({"@type": "Status", "statusCode": status.parse::<u16>().unwrap_or_default()});
        if description.is_string() {
            shown["description"] = description.clone();
        }
        shown
    });
    let good = answers(operation).find(|(status, schema)| status.starts_with('2') && schema.is_some());
    let sent = operation["requestBody"]["content"].as_object().and_then(|content| content.values().next());
    json!({
        "@id": format!("vocab:{}", operation["operationId"].as_str().unwrap_or_default()),
        "@type": "Operation", "method": method.to_ascii_uppercase(), "title": operation["summary"],
        "expects": class_of(sent.and_then(|sent| sent["schema"]["$ref"].as_str())),
        "returns": class_of(good.and_then(|(_, schema)| schema)),
        "possibleStatus": statuses.collect::<Vec<_>>()
    })
}

/// The class that a schema describes, of requests the one that is meant to come out of them.
fn class_of(reference: Option<&str>) -> String {
    let Some(name) = reference.and_then(|reference| reference.rsplit('/').next()) else {
        return "owl:Nothing".to_owned();
    };
    if name.ends_with("Collection") || name == "BatchRequest" {
        return "hydra:Collection".to_owned();
    }
    let plain = name.trim_start_matches("New").trim_end_matches("Request");
    let known = types().into_iter().find(|kind| kind.schema == plain);
    known.map_or_else(|| "hydra:Resource".to_owned(), |kind| kind.kind.to_owned())
}
