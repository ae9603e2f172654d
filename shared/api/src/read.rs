//! Reading JSON leniently and completely: a reader goes on after a fault, so that all are found in one go.

use std::ops::RangeInclusive;

use serde_json::{Map, Value};

use crate::Faults;

/// What a request says about a field. An update keeps what is absent and resets what is `null`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Given<T> {
    /// Nothing, or nothing usable.
    #[default]
    Absent,
    /// An explicit `null`.
    Null,
    /// A value.
    Value(T),
}

impl<T> Given<T> {
    /// The value, if one was given.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// A look at the value, if one was given.
    pub fn as_ref(&self) -> Given<&T> {
        match self {
            Self::Absent => Given::Absent,
            Self::Null => Given::Null,
            Self::Value(value) => Given::Value(value),
        }
    }

    /// What a field becomes: `current` if nothing was said, the default if `null` was.
    pub fn merge(self, current: T) -> T
    where
        T: Default,
    {
        match self {
            Self::Absent => current,
            Self::Null => T::default(),
            Self::Value(value) => value,
        }
    }

    /// The same for a field that may be missing.
    pub fn merge_option(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Absent => current,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }
}

/// One JSON object of a request, with its place in the body.
pub struct Reader<'v, 'f> {
    map: &'v Map<String, Value>,
    prefix: &'v str,
    index: Option<usize>,
    /// Where faults go.
    pub faults: &'f mut Faults,
}

impl<'v, 'f> Reader<'v, 'f> {
    /// Reads the whole body, which must be an object.
    pub fn root(value: &'v Value, faults: &'f mut Faults) -> Option<Self> {
        Self::new(value, "", None, faults)
    }

    /// Reads one element of the array that stands at `prefix`.
    pub fn element(value: &'v Value, prefix: &'v str, index: usize, faults: &'f mut Faults) -> Option<Self> {
        Self::new(value, prefix, Some(index), faults)
    }

    /// Reads the object that stands at `prefix`.
    pub fn nested(value: &'v Value, prefix: &'v str, faults: &'f mut Faults) -> Option<Self> {
        Self::new(value, prefix, None, faults)
    }

    fn new(value: &'v Value, prefix: &'v str, index: Option<usize>, faults: &'f mut Faults) -> Option<Self> {
        let Value::Object(map) = value else {
            let place = || index.map_or_else(|| prefix.to_owned(), |index| format!("{prefix}/{index}"));
            faults.add("wrong-type", place, || format!("this must be an object, not {}", kind(value)));
            return None;
        };
        Some(Self { map, prefix, index, faults })
    }

    /// Whether the field is there, be it `null`.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    /// What stands there, as it came.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&'v Value> {
        self.map.get(name)
    }

    /// Notes a fault of a field.
    pub fn fault(&mut self, name: &str, code: &'static str, detail: impl FnOnce() -> String) {
        let (prefix, index) = (self.prefix, self.index);
        let pointer = || match index {
            Some(index) => format!("{prefix}/{index}/{name}"),
            None => format!("{prefix}/{name}"),
        };
        self.faults.add(code, pointer, detail);
    }

    /// A text of at most `max` characters.
    pub fn text(&mut self, name: &str, max: usize) -> Given<String> {
        match self.map.get(name) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(Value::String(text)) => match text_fault(text, max) {
                None => Given::Value(text.clone()),
                Some((code, detail)) => self.refuse(name, code, || detail),
            },
            Some(other) => self.refuse(name, "wrong-type", || format!("this must be a string, not {}", kind(other))),
        }
    }

    /// A truth value, also as one of the texts `true` and `false`.
    pub fn boolean(&mut self, name: &str) -> Given<bool> {
        match self.map.get(name) {
            None => Given::Absent,
            Some(Value::Null) => Given::Null,
            Some(Value::Bool(value)) => Given::Value(*value),
            Some(Value::String(text)) if text == "true" => Given::Value(true),
            Some(Value::String(text)) if text == "false" => Given::Value(false),
            Some(other) => {
                self.refuse(name, "wrong-type", || format!("this must be true or false, not {}", kind(other)))
            }
        }
    }

    /// A whole number within `range`, also as a numeric string.
    pub fn integer(&mut self, name: &str, range: RangeInclusive<i64>) -> Given<i64> {
        let number = match self.map.get(name) {
            None => return Given::Absent,
            Some(Value::Null) => return Given::Null,
            Some(value) => match whole_number(value) {
                Ok(number) => number,
                Err((code, detail)) => return self.refuse(name, code, || detail),
            },
        };
        if range.contains(&number) {
            return Given::Value(number);
        }
        let (low, high) = range.into_inner();
        self.refuse(name, "out-of-range", || match high {
            i64::MAX => format!("{number} is less than {low}"),
            _ => format!("{number} is not between {low} and {high}"),
        })
    }

    /// A list of texts of at most `max` characters each, without repeats; one text alone counts as a list of one.
    pub fn texts(&mut self, name: &str, max: usize) -> Given<Vec<String>> {
        let values = match self.map.get(name) {
            None => return Given::Absent,
            Some(Value::Null) => return Given::Null,
            Some(Value::Array(values)) => values.as_slice(),
            Some(text @ Value::String(_)) => std::slice::from_ref(text),
            Some(other) => {
                return self.refuse(name, "wrong-type", || format!("this must be an array, not {}", kind(other)));
            }
        };
        let limit = dlcs_model::limits::LIST_ENTRIES;
        if values.len() > limit {
            return self.refuse(name, "too-many", || format!("at most {limit} entries, this has {}", values.len()));
        }
        let mut texts: Vec<String> = Vec::with_capacity(values.len());
        for (index, value) in values.iter().enumerate() {
            let fault = match value {
                Value::String(text) if texts.contains(text) => None,
                Value::String(text) => text_fault(text, max).or_else(|| {
                    texts.push(text.clone());
                    None
                }),
                other => Some(("wrong-type", format!("this must be a string, not {}", kind(other)))),
            };
            if let Some((code, detail)) = fault {
                self.fault(&format!("{name}/{index}"), code, || detail);
            }
        }
        Given::Value(texts)
    }

    /// A free object of at most `max` bytes as JSON.
    pub fn free_object(&mut self, name: &str, max: usize) -> Given<Value> {
        let value = match self.map.get(name) {
            None => return Given::Absent,
            Some(Value::Null) => return Given::Null,
            Some(value @ Value::Object(_)) => value,
            Some(other) => {
                return self.refuse(name, "wrong-type", || format!("this must be an object, not {}", kind(other)));
            }
        };
        let bytes = serde_json::to_vec(value).map_or(usize::MAX, |json| json.len());
        if bytes > max {
            return self.refuse(name, "too-long", || format!("at most {max} bytes of JSON, this has {bytes}"));
        }
        if has_nul(value) {
            return self.refuse(name, "invalid-character", || NUL.to_owned());
        }
        Given::Value(value.clone())
    }

    fn refuse<T>(&mut self, name: &str, code: &'static str, detail: impl FnOnce() -> String) -> Given<T> {
        self.fault(name, code, detail);
        Given::Absent
    }
}

const NUL: &str = "the character U+0000 cannot be stored";

fn text_fault(text: &str, max: usize) -> Option<(&'static str, String)> {
    // Bytes bound characters, so that only long texts are counted.
    if text.len() > max {
        let chars = text.chars().count();
        if chars > max {
            return Some(("too-long", format!("at most {max} characters, this has {chars}")));
        }
    }
    text.contains('\0').then(|| ("invalid-character", NUL.to_owned()))
}

fn whole_number(value: &Value) -> Result<i64, (&'static str, String)> {
    let parsed = match value {
        Value::Number(number) => match number.as_i64() {
            Some(number) => Some(number),
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and exactly representable")]
            None => number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9e15).map(|n| n as i64),
        },
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    parsed.ok_or_else(|| match value {
        Value::Number(number) => ("out-of-range", format!("{number} is not a whole number of 64 bits")),
        Value::String(_) => ("wrong-type", "this must be a whole number, or a string that holds one".to_owned()),
        other => ("wrong-type", format!("this must be a whole number, not {}", kind(other))),
    })
}

fn has_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(has_nul),
        Value::Object(map) => map.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// What a JSON value is, for a sentence.
#[must_use]
pub fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn takes_numbers_in_every_form_and_names_what_is_none() {
        let body = json!({"a": 3, "b": "3", "c": 3.0, "d": 3.5, "e": "x", "f": [], "g": null, "h": 11, "i": 1e300});
        let mut faults = Faults::default();
        let mut reader = Reader::root(&body, &mut faults).unwrap();
        let mut read = |name| reader.integer(name, 0..=10);
        assert_eq!([read("a"), read("b"), read("c")], [Given::Value(3), Given::Value(3), Given::Value(3)]);
        assert_eq!([read("g"), read("z")], [Given::Null, Given::Absent]);
        assert_eq!([read("d"), read("e"), read("f"), read("h"), read("i")], [const { Given::Absent }; 5]);
        let listed = faults.into_listed();
        let found: Vec<_> = listed.iter().map(|f| (f.pointer.as_str(), f.code)).collect();
        let expected = [
            ("/d", "out-of-range"),
            ("/e", "wrong-type"),
            ("/f", "wrong-type"),
            ("/h", "out-of-range"),
            ("/i", "out-of-range"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn texts_and_objects_have_limits() {
        let body =
            json!({"long": "ééé", "nul": "a\u{0}", "list": ["a", "a", 1, "bbb"], "one": "x", "free": {"a": ["\u{0}"]}});
        let mut faults = Faults::default();
        let mut reader = Reader::root(&body, &mut faults).unwrap();
        assert_eq!(reader.text("long", 3), Given::Value("ééé".to_owned()));
        assert_eq!(reader.text("long", 2), Given::Absent);
        assert_eq!(reader.text("nul", 9), Given::Absent);
        assert_eq!(reader.texts("list", 2), Given::Value(vec!["a".to_owned()]));
        assert_eq!(reader.texts("one", 2), Given::Value(vec!["x".to_owned()]));
        assert_eq!(reader.free_object("free", 100), Given::Absent);
        assert_eq!(reader.free_object("free", 5), Given::Absent);
        let found: Vec<_> = faults.into_listed().into_iter().map(|f| format!("{} {}", f.pointer, f.code)).collect();
        let expected = [
            "/long too-long",
            "/nul invalid-character",
            "/list/2 wrong-type",
            "/list/3 too-long",
            "/free invalid-character",
            "/free too-long",
        ];
        assert_eq!(found, expected);
    }
}
