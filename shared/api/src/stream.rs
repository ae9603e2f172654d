//! Reading a collection from its text member by member: a large one is never in memory as a tree.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// The names under which members come.
pub(crate) const MEMBERS: [&str; 3] = ["member", "hydra:member", "members"];

/// What a body is, besides its members.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Those of its own fields that were asked for; what the body is instead, if it is no object.
    pub fields: Result<Map<String, Value>, &'static str>,
    /// The name of the array of members and how many it has, if there is one. The first counts.
    pub members: Option<(&'static str, usize)>,
}

/// Reads a body. `each` is shown the members one after the other, with the name of their array and their place in it.
///
/// # Errors
/// If the text is no JSON.
pub(crate) fn read(
    text: &[u8],
    kept: &[&str],
    mut each: impl FnMut(&'static str, usize, &Value),
) -> serde_json::Result<Frame> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    let frame = match text.iter().find(|byte| !byte.is_ascii_whitespace()) {
        Some(b'{') | None => (&mut deserializer).deserialize_map(Body { kept, each: &mut each })?,
        Some(first) => {
            (&mut deserializer).deserialize_ignored_any(IgnoredAny)?;
            Frame { fields: Err(kind_of(*first)), members: None }
        }
    };
    deserializer.end()?;
    Ok(frame)
}

/// What begins with this byte.
fn kind_of(first: u8) -> &'static str {
    match first {
        b'[' => "an array",
        b'"' => "a string",
        b't' | b'f' => "a boolean",
        b'n' => "null",
        _ => "a number",
    }
}

struct Body<'b, F> {
    kept: &'b [&'b str],
    each: &'b mut F,
}

impl<'de, F: FnMut(&'static str, usize, &Value)> Visitor<'de> for Body<'_, F> {
    type Value = Frame;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a collection")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Frame, A::Error> {
        let (mut fields, mut members) = (Map::new(), None);
        while let Some(name) = map.next_key::<String>()? {
            let known = MEMBERS.into_iter().find(|known| *known == name);
            match known {
                Some(known) if members.is_none() => {
                    let count = map.next_value_seed(Members { name: known, each: &mut *self.each })?;
                    members = count.map(|count| (known, count));
                }
                None if self.kept.contains(&name.as_str()) => {
                    fields.insert(name, map.next_value_seed(Shallow)?);
                }
                Some(_) | None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Frame { fields: Ok(fields), members })
    }
}

/// The array of members; how many they are, or nothing if it is no array.
struct Members<'m, F> {
    name: &'static str,
    each: &'m mut F,
}

impl<'de, F: FnMut(&'static str, usize, &Value)> DeserializeSeed<'de> for Members<'_, F> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(&'static str, usize, &Value)> Visitor<'de> for Members<'_, F> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut count = 0;
        while let Some(member) = members.next_element::<Value>()? {
            (self.each)(self.name, count, &member);
            count += 1;
        }
        Ok(Some(count))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }
}

/// A value that should be a single one. What arrays and objects hold is left out.
struct Shallow;

impl<'de> DeserializeSeed<'de> for Shallow {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Shallow {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        while elements.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Array(Vec::new()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Object(Map::new()))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn members(text: &str) -> serde_json::Result<(Frame, Vec<String>)> {
        let mut seen = Vec::new();
        let frame =
            read(text.as_bytes(), &["label"], |name, index, value| seen.push(format!("{name} {index} {value}")))?;
        Ok((frame, seen))
    }

    #[test]
    fn members_come_one_by_one_wherever_they_stand() {
        let (frame, seen) =
            members(r#" {"x": {"member": [0]}, "hydra:member": [{"a": 1}, 2], "label": "l"} "#).unwrap();
        assert_eq!(seen, [r#"hydra:member 0 {"a":1}"#, "hydra:member 1 2"]);
        assert_eq!(frame.members, Some(("hydra:member", 2)));
        assert_eq!(Value::Object(frame.fields.unwrap()), json!({"label": "l"}));
    }

    #[test]
    fn what_is_no_array_has_no_members() {
        for other in ["null", "true", "-1", "1", "1.5", "\"x\"", "{\"a\": []}"] {
            let (frame, seen) = members(&format!("{{\"member\": {other}, \"members\": [7]}}")).unwrap();
            assert_eq!((frame.members, seen.as_slice()), (Some(("members", 1)), ["members 0 7".to_owned()].as_slice()));
        }
        for (text, kind) in [("[1, {}]", "an array"), ("\"x\"", "a string"), ("null", "null"), ("-3", "a number")] {
            assert_eq!(members(text).unwrap().0.fields, Err(kind));
        }
    }

    #[test]
    fn of_what_should_be_one_value_no_tree_is_kept() {
        let (frame, _) = members(r#"{"label": [{"a": [1, 2]}, 3]}"#).unwrap();
        assert_eq!(Value::Object(frame.fields.unwrap()), json!({"label": []}));
        let (frame, _) = members(r#"{"label": {"a": [1, 2]}}"#).unwrap();
        assert_eq!(Value::Object(frame.fields.unwrap()), json!({"label": {}}));
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in ["", "{\"member\": [1, oops]}", "{\"member\": [1]", "{} x", "[1,", "{\"member\": 1e999}", "nul"] {
            assert!(members(text).is_err(), "{text}");
        }
    }
}
