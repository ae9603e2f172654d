//! The document: the services' parts in one, and what is true of the whole.

use dlcs_api::vocabulary::{self, Flat};
use serde_json::{Map, Value, json};

use crate::rules;

const DESCRIPTION: &str = "Register images where they are; get IIIF Image API services for them. JSON-LD over HTTP.";

/// Groups of operations, in reading order.
const TAGS: [(&str, &str); 11] = [
    ("entry point", "Where a client begins."),
    ("queue", "Registering many images: a batch is taken whole or not at all."),
    ("batches", "How registrations stand and what became of each image."),
    ("images", "Images one by one, registered at once."),
    ("bulk", "Many images at once."),
    ("spaces", "Where images live, and what new ones get."),
    ("customers", "Whose everything is."),
    ("keys", "Who may call."),
    ("storage", "How much there is and may be."),
    ("policies", "What is built in. Open to all."),
    ("description", "What the API says about itself."),
];

/// The whole document.
pub fn document() -> Value {
    let mut all = gateway::openapi();
    all.merge(status::openapi());
    let mut all = json!(all);
    all["openapi"] = json!("3.1.0");
    all["info"] = json!({"title": "DLCS", "version": "1", "description": DESCRIPTION, "license": {"name": "MIT", "identifier": "MIT"}});
    all["servers"] = json!([{"url": "/"}]);
    all["security"] = json!([{"key": []}]);
    all["tags"] = TAGS.iter().map(|(name, description)| json!({"name": name, "description": description})).collect();
    all["components"]["securitySchemes"] = json!({"key": {
        "type": "http", "scheme": "basic", "description": "An API key as the user name, its secret as the password."
    }});
    frame(&mut all["components"]["schemas"]);
    rules::apply(&mut all);
    ordered(all)
}

/// Gives every resource its `@context`, `@id` and `@type`.
fn frame(schemas: &mut Value) {
    let schemas = schemas.as_object_mut().unwrap();
    for kind in vocabulary::types() {
        schemas.insert(kind.schema.clone(), kind.framed());
    }
    // Requests in one piece, as resources are; what they were put together from is not needed any more.
    let parts = schemas.clone();
    for schema in schemas.values_mut().filter(|schema| schema["type"] == "object" || schema.get("allOf").is_some()) {
        let Flat { description: _, fields, required } = Flat::of(schema, &parts);
        schema["type"] = json!("object");
        schema["required"] = json!(required);
        schema["properties"] = Value::Object(fields);
        schema.as_object_mut().unwrap().shift_remove("allOf");
    }
    schemas.retain(|name, schema| schema["type"] == "object" && !name.ends_with("Links"));
    schemas.sort_keys();
}

/// The same with its members in the order in which people read them.
fn ordered(mut all: Value) -> Value {
    let mut sorted = Map::new();
    for name in ["openapi", "info", "servers", "security", "tags", "paths", "components"] {
        sorted.insert(name.to_owned(), all[name].take());
    }
    Value::Object(sorted)
}
