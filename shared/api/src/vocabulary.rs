//! The types we emit, from which contexts, the vocabulary and the documentation are made.

use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::resource::Body;
use crate::{
    Batch, BatchMember, Customer, CustomerOriginStrategy, EntryPoint, Image, ImageOptimisationPolicy, ImageStorage,
    Key, Links, OriginStrategy, OriginTest, PortalUser, Queue, Space, Storage, StoragePolicy, ThumbnailPolicy,
    examples,
};

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
        of::<OriginStrategy>(),
        of::<ImageOptimisationPolicy>(),
        of::<ThumbnailPolicy>(),
        of::<PortalUser>(),
        of::<CustomerOriginStrategy>(),
        of::<OriginTest>(),
        of::<Storage>(),
        of::<ImageStorage>(),
        of::<StoragePolicy>(),
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
    let mut described = None;
    for choice in field.get_mut("oneOf").and_then(Value::as_array_mut).into_iter().flatten() {
        described = described.or(choice.get("description").cloned());
        *choice = inlined(choice, parts);
    }
    // What a field means is said of the field, not of one of the things that it can be.
    if let (Some(described), None) = (described, field.get("description")) {
        field["description"] = described;
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
        if let Some(example) = examples::of(&self.schema, &Links::new(examples::ROOT)) {
            schema["examples"] = json!([example]);
        }
        schema
    }
}

/// The JSON-LD context of the types of this name.
#[must_use]
pub fn context(name: &str, links: &Links) -> Option<Value> {
    let types: Vec<_> = types().into_iter().filter(|kind| kind.name == name).collect();
    let Type { kind, .. } = types.first()?;
    let mut terms = Map::new();
    terms.insert("@version".to_owned(), json!(1.1));
    terms.insert("vocab".to_owned(), json!(links.vocabulary_term("")));
    terms.insert("xsd".to_owned(), json!("http://www.w3.org/2001/XMLSchema#"));
    terms.insert(name.to_owned(), json!(kind));
    for (field, schema) in types.iter().flat_map(|kind| &kind.fields) {
        terms.insert(field.clone(), term(field, schema));
    }
    Some(json!({"@context": terms}))
}

/// How a field is read as linked data.
fn term(name: &str, schema: &Value) -> Value {
    let id = format!("vocab:{name}");
    match (range(schema), schema["type"].as_str()) {
        ("@id", _) => json!({"@id": id, "@type": "@id"}),
        ("xsd:dateTime", _) => json!({"@id": id, "@type": "xsd:dateTime"}),
        (_, Some("object")) => json!({"@id": id, "@type": "@json"}),
        (_, Some("array")) => json!({"@id": id, "@container": "@set"}),
        _ => json!(id),
    }
}

/// What a field's values are: a type of XML Schema, or `@id` for resources.
#[must_use]
pub fn range(schema: &Value) -> &'static str {
    match (schema["format"].as_str(), schema["type"].as_str()) {
        (Some("uri"), _) => "@id",
        (Some("date-time"), _) => "xsd:dateTime",
        (_, Some("integer")) => "xsd:integer",
        (_, Some("number")) => "xsd:double",
        (_, Some("boolean")) => "xsd:boolean",
        (_, Some("array")) => range(&schema["items"]),
        (_, Some("object")) => "rdf:JSON",
        _ => "xsd:string",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_say_what_values_are() {
        let context = context("Image", &Links::new("https://x")).unwrap();
        let term = |name: &str| context["@context"][name].clone();
        assert_eq!(term("vocab"), "https://x/vocab#");
        assert_eq!(term("infoJson"), json!({"@id": "vocab:infoJson", "@type": "@id"}));
        assert_eq!(term("finished"), json!({"@id": "vocab:finished", "@type": "xsd:dateTime"}));
        assert_eq!(term("metadata"), json!({"@id": "vocab:metadata", "@type": "@json"}));
        assert_eq!(term("tags"), json!({"@id": "vocab:tags", "@container": "@set"}));
        assert_eq!((term("number1"), term("state")), (json!("vocab:number1"), json!("vocab:state")));
        assert!(super::context("Nothing", &Links::new("https://x")).is_none());
    }

    #[test]
    fn every_type_has_an_example_of_its_fields() {
        for kind in types() {
            let example = examples::of(&kind.schema, &Links::new(examples::ROOT)).unwrap();
            for name in &kind.required {
                assert!(example.get(name).is_some(), "the example of {} has no {name}", kind.schema);
            }
            for name in example.as_object().unwrap().keys().filter(|name| !name.starts_with('@')) {
                assert!(kind.fields.contains_key(name), "{} of {} is not described", name, kind.schema);
            }
        }
    }
}
