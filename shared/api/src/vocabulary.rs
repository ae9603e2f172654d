//! The types we emit, from which contexts, the vocabulary and the documentation are made.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::resource::Body;
use crate::{Batch, BatchMember, Customer, EntryPoint, Image, Key, Links, Queue, Space, examples};

/// A type of resource.
#[derive(Debug, Clone)]
pub struct Type {
    /// The name of its schema.
    pub schema: String,
    /// Its name in the vocabulary; several schemas may describe one.
    pub name: &'static str,
    /// `vocab:` and the same name.
    pub kind: &'static str,
    /// What it is.
    pub description: String,
    /// Its fields in order, each a JSON schema.
    pub fields: Map<String, Value>,
    /// The fields that are always there.
    pub required: Vec<String>,
}

/// Every type.
#[must_use]
pub fn types() -> Vec<Type> {
    vec![
        of::<EntryPoint>(),
        of::<Customer>(),
        of::<Key>(),
        of::<Space>(),
        of::<Image>(),
        of::<Queue>(),
        of::<Batch>(),
        of::<BatchMember>(),
    ]
}

fn of<T: Body + ToSchema>() -> Type {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    let parts = parts.into_iter().map(|(name, schema)| (name, json!(schema))).collect();
    let Flat { description, mut fields, required } = Flat::of(&json!(T::schema()), &parts);
    fields.values_mut().for_each(never_null);
    Type { schema: T::name().into_owned(), name: T::NAME, kind: T::TYPE, description, fields, required }
}

/// What is absent is left out, never `null`.
fn never_null(field: &mut Value) {
    if let Some(types) = field["type"].as_array() {
        let kept: Vec<_> = types.iter().filter(|name| *name != "null").cloned().collect();
        if let [only] = kept.as_slice() {
            field["type"] = only.clone();
        }
    }
    if let Some(choices) = field.get("oneOf").and_then(Value::as_array) {
        let kept: Vec<_> = choices.iter().filter(|choice| choice["type"] != "null").cloned().collect();
        if let [Value::Object(only)] = kept.as_slice() {
            let mut only = only.clone();
            if let Some(description) = field["description"].as_str() {
                only.insert("description".to_owned(), json!(description));
            }
            *field = Value::Object(only);
        }
    }
}

/// An object's schema, in one piece even if it was put together from several.
#[derive(Debug, Default)]
pub struct Flat {
    /// What it is.
    pub description: String,
    /// Its fields in order.
    pub fields: Map<String, Value>,
    /// The fields that must be there.
    pub required: Vec<String>,
}

impl Flat {
    /// Flattens a schema, with those it refers to by name.
    #[must_use]
    pub fn of(schema: &Value, parts: &Map<String, Value>) -> Self {
        let mut flat = Self::default();
        flat.take(schema, parts);
        schema["description"].as_str().unwrap_or_default().clone_into(&mut flat.description);
        flat
    }

    fn take(&mut self, schema: &Value, parts: &Map<String, Value>) {
        if let Some(part) = part(schema, parts) {
            return self.take(part, parts);
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.take(part, parts);
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            self.fields.insert(name.clone(), inlined(field, parts));
        }
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        self.required.extend(required.map(str::to_owned));
    }
}

fn part<'p>(schema: &Value, parts: &'p Map<String, Value>) -> Option<&'p Value> {
    parts.get(schema["$ref"].as_str()?.rsplit('/').next()?)
}

/// A single value in place of a reference to one; references to objects stay.
fn inlined(field: &Value, parts: &Map<String, Value>) -> Value {
    let mut field = field.clone();
    for choice in field.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten() {
        *choice = inlined(choice, parts);
    }
    match part(&field, parts) {
        Some(Value::Object(part)) if part.get("properties").is_none() && part.get("allOf").is_none() => {
            let mut part = part.clone();
            if let Some(description) = field["description"].as_str() {
                part.insert("description".to_owned(), json!(description));
            }
            Value::Object(part)
        }
        _ => field,
    }
}

impl Type {
    /// The schema of the whole resource, its frame included.
    #[must_use]
    pub fn framed(&self) -> Value {
        let uri = |description: &str| json!({"type": "string", "format": "uri", "description": description});
        let mut fields = Map::new();
        fields.insert("@context".to_owned(), uri("Where the terms are explained."));
        fields.insert("@id".to_owned(), uri("Where it can be read."));
        fields.insert("@type".to_owned(), json!({"type": "string", "const": self.kind}));
        fields.extend(self.fields.clone());
        let required: Vec<_> = ["@id", "@type"].into_iter().chain(self.required.iter().map(String::as_str)).collect();
        let mut schema =
            json!({"type": "object", "description": self.description, "required": required, "properties": fields});
        if let Some(example) = examples::of(&self.schema, &Links::new("https://dlcs.example")) {
            schema["examples"] = json!([example]);
        }
        schema
    }

    /// The JSON-LD context of the type.
    #[must_use]
    pub fn context(&self, links: &Links) -> Value {
        let mut terms = Map::new();
        terms.insert("@version".to_owned(), json!(1.1));
        terms.insert("vocab".to_owned(), json!(links.vocabulary_term("")));
        terms.insert("hydra".to_owned(), json!("http://www.w3.org/ns/hydra/core#"));
        terms.insert("xsd".to_owned(), json!("http://www.w3.org/2001/XMLSchema#"));
        terms.insert(self.name.to_owned(), json!(self.kind));
        for (name, schema) in &self.fields {
            terms.insert(name.clone(), term(name, schema));
        }
        json!({"@context": terms})
    }
}

/// How a field is read as linked data.
fn term(name: &str, schema: &Value) -> Value {
    let id = format!("vocab:{name}");
    let is = |kind: &str| {
        schema["type"] == kind || schema["type"].as_array().is_some_and(|types| types.iter().any(|t| t == kind))
    };
    match schema["format"].as_str() {
        Some("uri") => json!({"@id": id, "@type": "@id"}),
        Some("date-time") => json!({"@id": id, "@type": "xsd:dateTime"}),
        _ if is("object") => json!({"@id": id, "@type": "@json"}),
        _ if is("array") => json!({"@id": id, "@container": "@set"}),
        _ => json!(id),
    }
}
