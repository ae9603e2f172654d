//! Routes and descriptions agree.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::document::document;

/// Path and method of everything that is routed. `HEAD` and `OPTIONS` come with every path and are not described.
fn routed() -> BTreeSet<(String, String)> {
    let all = [gateway::routes(), status::routes()].concat();
    let methods = all.into_iter().map(|route| (route.path, route.method.as_str().to_lowercase()));
    methods.filter(|(_, method)| method != "head").collect()
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let items = document["paths"].as_object().unwrap();
    let operations = items.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(|(method, operation)| (path.clone(), method.clone(), operation.clone()))
    });
    operations.collect()
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let described: BTreeSet<_> = operations(&document()).into_iter().map(|(path, method, _)| (path, method)).collect();
    let routed = routed();
    let bare: Vec<_> = routed.difference(&described).collect();
    let gone: Vec<_> = described.difference(&routed).collect();
    assert!(bare.is_empty() && gone.is_empty(), "not described: {bare:?}\nnot routed: {gone:?}");
}

#[test]
fn descriptions_are_complete() {
    let document = document();
    let tags: BTreeSet<_> =
        document["tags"].as_array().unwrap().iter().map(|tag| tag["name"].clone().to_string()).collect();
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let what = format!("{method} {path}");
        assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{what}: the id is taken");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{what}: no summary");
        assert!(
            tags.contains(&operation["tags"][0].to_string()),
            "{what}: {} is no tag of document.rs",
            operation["tags"]
        );
        let answers = operation["responses"].as_object().unwrap();
        assert!(answers.keys().any(|status| status.starts_with('2')), "{what}: never goes well");
        for parameter in operation["parameters"].as_array().unwrap() {
            let described = parameter.get("$ref").is_some() || parameter["description"].is_string();
            assert!(described, "{what}: {parameter} is not described");
        }
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(target)) = map.get("$ref") {
                    let found = document.pointer(target.trim_start_matches('#'));
                    assert!(found.is_some(), "{target} leads nowhere");
                }
                open.extend(map.values());
            }
            Value::Array(values) => open.extend(values),
            _ => {}
        }
    }
}

#[test]
fn everything_emitted_has_an_example() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let framed = schema["properties"].get("@id").is_some() && name != "PartialCollectionView" && name != "Problem";
        assert!(!framed || schema["examples"][0].is_object(), "{name} has no example in shared/api/src/examples.rs");
    }
}
