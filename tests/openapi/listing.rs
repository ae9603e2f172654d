//! What lists can be asked: pages, order and filters, as the words for them are in `dlcs-model`.

use dlcs_model::limits::{NAME_CHARS, STRING_CHARS};
use dlcs_model::{BatchField, FailureCode, Field, ImageField, Progress, SpaceField};
use serde_json::{Map, Value, json};

/// The parameters of a list of something.
pub fn parameters(listed: &str) -> Vec<Value> {
    let mut all = vec![
        query("page", "The page, from 1. Anything else is the first.", lenient(1)),
        query("pageSize", "Members of a page, at most 1000. Anything else is the default.", lenient(100)),
    ];
    match listed {
        "Image" | "BatchMember" => {
            all.extend(order::<ImageField>());
            let filters = images();
            all.push(all_of(&filters));
            all.extend(filters.into_iter().map(|(name, description, schema)| query(name, description, schema)));
        }
        "Batch" => {
            all.extend(order::<BatchField>());
            all.push(query("label", "With exactly this label.", text(NAME_CHARS)));
            all.push(query("state", "How far they have come.", progress()));
        }
        "Space" => all.extend(order::<SpaceField>()),
        _ => {}
    }
    all
}

fn query(name: &str, description: &str, schema: Value) -> Value {
    let mut parameter = json!({"name": name, "in": "query", "description": description, "schema": schema});
    if parameter["schema"]["type"] == "array" {
        parameter["explode"] = json!(false);
    }
    parameter
}

fn lenient(default: i64) -> Value {
    json!({"type": ["integer", "string"], "default": default})
}

fn text(max: usize) -> Value {
    json!({"type": "string", "maxLength": max, "pattern": r"^[^\u0000]*$"})
}

fn progress() -> Value {
    json!({"type": "string", "enum": Progress::ALL.iter().map(|state| state.as_str()).collect::<Vec<_>>()})
}

fn order<F: Field>() -> [Value; 2] {
    let fields: Vec<_> = F::FIELDS.iter().map(|field| field.name()).collect();
    let schema = json!({"type": "string", "enum": fields});
    [
        query("orderBy", "The smallest first. Not together with the other.", schema.clone()),
        query("orderByDescending", "The largest first. Not together with the other.", schema),
    ]
}

/// The filters of images; all that are given must hold.
fn images() -> Vec<(&'static str, &'static str, Value)> {
    let whole = || json!({"type": "integer", "format": "int64", "minimum": i64::MIN, "maximum": i64::MAX});
    let number = || json!({"type": "integer", "format": "int32", "minimum": 0, "maximum": i32::MAX});
    let codes: Vec<_> = FailureCode::ALL.iter().map(|code| code.as_str()).collect();
    let time = || json!({"type": "string", "format": "date-time"});
    let tag = json!({"type": "string", "maxLength": 200, "pattern": r"^[^\u0000,]*$"});
    vec![
        ("string1", "With exactly this text.", text(STRING_CHARS)),
        ("string2", "With exactly this text.", text(STRING_CHARS)),
        ("string3", "With exactly this text.", text(STRING_CHARS)),
        ("number1", "With this number.", whole()),
        ("number2", "With this number.", whole()),
        ("number3", "With this number.", whole()),
        ("space", "In this space.", number()),
        (
            "tags",
            "With all of these tags, separated by commas.",
            json!({"type": "array", "items": tag, "maxItems": 20}),
        ),
        ("id", "With this id.", text(STRING_CHARS)),
        (
            "batch",
            "Whose latest batch this is: its number or its URL.",
            json!({"type": "integer", "format": "int64", "minimum": 0, "maximum": i64::MAX}),
        ),
        ("state", "How far they have come.", progress()),
        ("error", "That failed for this reason.", json!({"type": "string", "enum": codes})),
        ("createdAfter", "First registered after this.", time()),
        ("createdBefore", "First registered before this.", time()),
    ]
}

/// The same filters as one JSON object.
fn all_of(filters: &[(&str, &str, Value)]) -> Value {
    let fields: Map<_, _> = filters.iter().map(|(name, _, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({
        "name": "q", "in": "query",
        "description": "The filters below as one JSON object; a parameter wins over the same name in it.",
        "content": {"application/json": {"schema": {"type": "object", "properties": fields}}}
    })
}
