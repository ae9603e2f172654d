//! What is true of every operation of a kind, so that handlers need not say it: what can be refused, what a list looks
//! like, which headers there are.

use dlcs_api::requests::RawImage;
use dlcs_api::{Collection, Neighbours, PartialCollectionView, Problem};
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::{listing, problems};

/// The parts of paths that stand for something.
const PARAMETERS: [(&str, &str, &str); 9] = [
    ("customer", "2", "A customer's number."),
    ("space", "1", "A space's number."),
    ("image", "page-1", "An image's id in its space. Every character it may have stands for itself in a path."),
    ("batch", "7", "A batch's number."),
    ("key", "a1b2c3", "An API key."),
    ("user", "0197a4e2-7c31-7d6e-9a3f-5b1c2d3e4f50", "A portal user's UUID."),
    ("strategy", "0197a4e2-7c31-7d6e-9a3f-5b1c2d3e4f51", "An origin strategy's UUID."),
    ("policy", "default", "The name of a built-in policy."),
    ("type", "Image", "The name of a type."),
];

/// Headers of conditional requests.
const HEADERS: [(&str, &str); 2] = [
    ("If-None-Match", "The `ETag` of what you have; if it is still the same, it is not sent again."),
    ("If-Match", "The `ETag` of what you believe to be there; anything else is not changed."),
];

/// Completes every operation.
pub fn apply(all: &mut Value) {
    let components = all["components"].take();
    let mut schemas = components["schemas"].as_object().unwrap().clone();
    for (path, item) in all["paths"].as_object_mut().unwrap() {
        for (method, operation) in item.as_object_mut().unwrap() {
            Rules { path, method, schemas: &mut schemas }.apply(operation);
        }
    }
    add::<Problem>(&mut schemas);
    add::<RawImage>(&mut schemas);
    add::<PartialCollectionView>(&mut schemas);
    schemas.sort_keys();
    all["components"] = components;
    all["components"]["schemas"] = Value::Object(schemas);
    all["components"]["parameters"] =
        PARAMETERS.iter().map(parameter).chain(HEADERS.iter().map(header)).collect::<Map<_, _>>().into();
    all["components"]["responses"] = problems::components();
}

fn add<T: ToSchema>(schemas: &mut Map<String, Value>) {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    schemas.extend(parts.into_iter().map(|(name, schema)| (name, json!(schema))));
    schemas.insert(T::name().into_owned(), json!(T::schema()));
}

fn parameter((name, example, description): &(&str, &str, &str)) -> (String, Value) {
    let number: Option<i32> = example.parse().ok();
    let schema = match *name {
        "image" => json!({"type": "string", "pattern": r"^(?!\.{1,2}$)[A-Za-z0-9._~!$&'()*+,;=:@-]{1,200}$"}),
        "batch" => json!({"type": "integer", "format": "int64", "minimum": 1}),
        "user" | "strategy" => json!({"type": "string", "format": "uuid"}),
        _ if number.is_some() => json!({"type": "integer", "format": "int32", "minimum": 1}),
        _ => json!({"type": "string", "minLength": 1}),
    };
    let example = number.map_or_else(|| json!(example), |number| json!(number));
    let value = json!({
        "name": name, "in": "path", "required": true, "description": description, "schema": schema, "example": example
    });
    ((*name).to_owned(), value)
}

fn header((name, description): &(&str, &str)) -> (String, Value) {
    // A tag that is none of ours is no fault: it only matches nothing.
    let schema = json!({"type": "string"});
    let value = json!({"name": name, "in": "header", "description": description, "schema": schema});
    ((*name).to_owned(), value)
}

struct Rules<'r> {
    path: &'r str,
    method: &'r str,
    schemas: &'r mut Map<String, Value>,
}

impl Rules<'_> {
    fn apply(&mut self, operation: &mut Value) {
        let summary = operation["summary"].as_str().unwrap_or_default().trim_end_matches('.').to_owned();
        operation["summary"] = json!(summary);
        let listed = self.collections(&mut operation["responses"]).filter(|_| self.method == "get");
        self.parameters(operation, listed.as_deref());
        self.conditions(operation);
        self.refusals(operation, listed.is_some());
        headers(self.method, &mut operation["responses"]);
    }

    /// A list of something is a page of a collection of it.
    fn collections(&mut self, answers: &mut Value) -> Option<String> {
        let mut listed = None;
        for answer in answers.as_object_mut().unwrap().values_mut() {
            let Some(content) = answer.get_mut("content").and_then(Value::as_object_mut) else { continue };
            let Some(json) = content.get_mut("application/json") else { continue };
            let Some(item) = json["schema"]["items"]["$ref"].as_str() else { continue };
            let (name, item) = (item.rsplit('/').next().unwrap().to_owned(), json!({"$ref": item}));
            let member = self.schemas[&name]["examples"][0].clone();
            let collection = format!("{name}Collection");
            self.schemas.entry(collection.clone()).or_insert_with(|| page(item, &member));
            *json = json!({"schema": {"$ref": format!("#/components/schemas/{collection}")}});
            listed = Some(name);
        }
        listed
    }

    /// What stands in the path, and what a list can be asked.
    fn parameters(&self, operation: &mut Value, listed: Option<&str>) {
        let own = operation["parameters"].take();
        let own = own.as_array().cloned().unwrap_or_default();
        let in_path = self.path.split(['{', '}']).skip(1).step_by(2);
        let mut all: Vec<Value> =
            in_path.map(|name| json!({"$ref": format!("#/components/parameters/{name}")})).collect();
        all.extend(own.into_iter().filter(|parameter| parameter["in"] != "path").map(present));
        if let Some(listed) = listed {
            all.extend(listing::parameters(listed));
        }
        operation["parameters"] = json!(all);
    }

    /// What was read is not sent again; what is changed may have to be what was read.
    fn conditions(&self, operation: &mut Value) {
        let one = !self.path.ends_with("/images") && !self.path.ends_with("/{key}");
        let (parameter, status, description) = match self.method {
            "get" if !self.path.ends_with("/events") => ("If-None-Match", "304", "What you have is what there is."),
            "put" | "patch" | "delete" if one => ("If-Match", "412", "It is not what you believe it to be any more."),
            _ => return,
        };
        let reference = json!({"$ref": format!("#/components/parameters/{parameter}")});
        operation["parameters"].as_array_mut().unwrap().push(reference);
        operation["responses"][status] = json!({"description": description});
    }

    /// What any operation of this form may be refused with, besides what its handler says.
    fn refusals(&self, operation: &mut Value, listed: bool) {
        let open = operation.get("security").is_some();
        let body = operation.get("requestBody").is_some();
        let checked = body || listed || self.path.contains("{image}");
        let keyed = !open;
        let common = [
            (400, checked),
            (401, keyed),
            (403, self.path.contains("{customer}")),
            (404, self.path.contains('{')),
            (413, body),
            (414, listed),
            (415, body),
            (429, keyed),
            (500, keyed),
            (503, keyed),
        ];
        let answers = operation["responses"].as_object_mut().unwrap();
        for (status, answer) in answers.iter_mut() {
            let status: u16 = status.parse().unwrap();
            if status >= 400 {
                *answer = problems::own(status, answer["description"].as_str().unwrap());
            }
        }
        for (status, _) in common.into_iter().filter(|(_, applies)| *applies) {
            answers.entry(status.to_string()).or_insert_with(|| problems::shared(status));
        }
        answers.sort_keys();
    }
}

/// A parameter is a text or left out; a `null` would be the text "null".
fn present(mut parameter: Value) -> Value {
    if let Some(kinds) = parameter["schema"]["type"].as_array_mut() {
        kinds.retain(|kind| kind != "null");
        let kind = kinds[0].clone();
        parameter["schema"]["type"] = kind;
    }
    parameter
}

/// One page of a collection.
fn page(item: Value, member: &Value) -> Value {
    let mut schema = json!(Collection::<i32>::schema());
    schema["properties"]["member"]["items"] = item;
    let page = dlcs_api::Page { number: 1, size: 100 };
    schema["examples"] = json!([Collection::page(
        "https://dlcs.example/customers/2/spaces",
        "",
        page,
        1,
        &Neighbours::default(),
        vec![member.clone()]
    )]);
    schema
}

/// The headers of answers that went well.
fn headers(method: &str, answers: &mut Value) {
    for (status, answer) in answers.as_object_mut().unwrap() {
        if status.starts_with('2') {
            linked_data(answer);
        }
        let header = match (method, status.as_str()) {
            ("get", "200") if answer.pointer("/content/text~1event-stream").is_none() => {
                ("ETag", "Changes when the answer does; send it back in If-None-Match.")
            }
            (_, "201" | "202") => ("Location", "Where it can be read."),
            _ => continue,
        };
        answer["headers"][header.0] = json!({"description": header.1, "required": true, "schema": {"type": "string"}});
    }
}

/// Resources are JSON-LD.
fn linked_data(answer: &mut Value) {
    let Some(content) = answer.get_mut("content").and_then(Value::as_object_mut) else { return };
    if let Some(json) = content.remove("application/json") {
        let resource = json["schema"].get("$ref").is_some();
        content.insert(if resource { "application/ld+json" } else { "application/json" }.to_owned(), json);
    }
}
