//! Filters of listings, read from the parameters of a request.

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use dlcs_model::limits::{NAME_CHARS, STRING_CHARS};
use dlcs_model::{BatchFilter, BatchId, FailureCode, ImageFilter, Progress, SpaceId};
use serde_json::{Map, Value};

use crate::{Faults, Given, Parameters, Reader, Timestamp};

/// What a listing can be filtered by.
pub trait Filter: Sized + std::fmt::Debug + 'static {
    /// Reads what a request says; what is wrong goes to `faults`.
    fn read(parameters: &Parameters, faults: &mut Faults) -> Self;
}

/// Of a listing that is never filtered.
impl Filter for () {
    fn read(_: &Parameters, _: &mut Faults) {}
}

impl Filter for BatchFilter {
    fn read(parameters: &Parameters, faults: &mut Faults) -> Self {
        let plain = plain(parameters, &["label", "state"], faults);
        within(&plain, "?", faults, |reader| Self {
            label: reader.text("label", NAME_CHARS).value(),
            state: word(reader, "state", Progress::ALL, |state| state.as_str()),
        })
    }
}

/// The names of everything that images can be filtered by.
const IMAGE_NAMES: [&str; 14] = [
    "string1",
    "string2",
    "string3",
    "number1",
    "number2",
    "number3",
    "space",
    "tags",
    "id",
    "batch",
    "state",
    "error",
    "createdAfter",
    "createdBefore",
];

/// `q`, an object, and parameters of the same names, which win.
impl Filter for ImageFilter {
    fn read(parameters: &Parameters, faults: &mut Faults) -> Self {
        let wide = match parameters.one("q", faults) {
            Some(text) => object(text, faults).map(|value| within(&value, "?q", faults, read_image)),
            None => None,
        };
        let plain = plain(parameters, &IMAGE_NAMES, faults);
        let narrow = within(&plain, "?", faults, read_image);
        wide.map_or_else(|| narrow.clone(), |wide| merge(narrow.clone(), wide))
    }
}

/// The parameters of these names, as an object.
fn plain(parameters: &Parameters, names: &[&str], faults: &mut Faults) -> Value {
    let given = names.iter().filter_map(|name| Some(((*name).to_owned(), parameters.one(name, faults)?.into())));
    Value::Object(given.collect::<Map<_, _>>())
}

fn object(text: &str, faults: &mut Faults) -> Option<Value> {
    let detail = match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => return Some(value),
        Ok(other) => format!("this must be a JSON object, not {}", crate::read::kind(&other)),
        Err(error) => format!("this must be a JSON object: {error}"),
    };
    faults.add("wrong-type", || "?q".to_owned(), || detail);
    None
}

/// Reads an object; its faults are named as parameters are.
fn within<T: Default>(value: &Value, prefix: &str, faults: &mut Faults, read: impl FnOnce(&mut Reader) -> T) -> T {
    let mut own = Faults::default();
    let read = Reader::nested(value, prefix, &mut own).map(|mut reader| read(&mut reader)).unwrap_or_default();
    for fault in own.into_listed() {
        faults.add(fault.code, || fault.pointer.replacen("?/", "?", 1), || fault.detail.clone());
    }
    read
}

fn read_image(reader: &mut Reader) -> ImageFilter {
    const ANY: RangeInclusive<i64> = i64::MIN..=i64::MAX;
    let space = reader.integer("space", 0..=i64::from(i32::MAX)).value();
    ImageFilter {
        strings: ["string1", "string2", "string3"].map(|name| reader.text(name, STRING_CHARS).value()),
        numbers: ["number1", "number2", "number3"].map(|name| reader.integer(name, ANY).value()),
        space: space.and_then(|space| i32::try_from(space).ok()).map(SpaceId),
        tags: tags(reader),
        id: reader.text("id", STRING_CHARS).value(),
        batch: batch(reader),
        state: word(reader, "state", Progress::ALL, |state| state.as_str()),
        error: word(reader, "error", FailureCode::ALL, |code| code.as_str()),
        created_after: time(reader, "createdAfter"),
        created_before: time(reader, "createdBefore"),
    }
}

/// What `narrow` says, and of what it does not say what `wide` does.
fn merge(narrow: ImageFilter, wide: ImageFilter) -> ImageFilter {
    let [string1, string2, string3] = narrow.strings;
    let [number1, number2, number3] = narrow.numbers;
    let [wide1, wide2, wide3] = wide.strings;
    ImageFilter {
        strings: [string1.or(wide1), string2.or(wide2), string3.or(wide3)],
        numbers: [number1.or(wide.numbers[0]), number2.or(wide.numbers[1]), number3.or(wide.numbers[2])],
        space: narrow.space.or(wide.space),
        tags: if narrow.tags.is_empty() { wide.tags } else { narrow.tags },
        id: narrow.id.or(wide.id),
        batch: narrow.batch.or(wide.batch),
        state: narrow.state.or(wide.state),
        error: narrow.error.or(wide.error),
        created_after: narrow.created_after.or(wide.created_after),
        created_before: narrow.created_before.or(wide.created_before),
    }
}

/// A list, whose texts may have commas, or one text in which commas separate.
fn tags(reader: &mut Reader) -> Vec<String> {
    match reader.value("tags") {
        Some(Value::String(_)) => {
            let text = reader.text("tags", STRING_CHARS * 2).value().unwrap_or_default();
            text.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
        }
        _ => reader.texts("tags", STRING_CHARS).value().unwrap_or_default(),
    }
}

/// A number, or the URL that ends in it.
fn batch(reader: &mut Reader) -> Option<BatchId> {
    let Some(Value::String(text)) = reader.value("batch") else {
        return reader.integer("batch", 0..=i64::MAX).value().map(BatchId);
    };
    let number = text.rsplit('/').next().and_then(|number| number.parse().ok()).filter(|number| *number >= 0);
    if number.is_none() {
        reader.fault("batch", "wrong-type", || "this must be a batch's number or its URL".to_owned());
    }
    number.map(BatchId)
}

/// One of a few words.
fn word<T: Copy>(reader: &mut Reader, name: &str, all: &[T], say: impl Fn(T) -> &'static str) -> Option<T> {
    let Given::Value(text) = reader.text(name, NAME_CHARS) else { return None };
    let known = all.iter().copied().find(|word| say(*word) == text);
    if known.is_none() {
        let words = || all.iter().map(|word| say(*word)).collect::<Vec<_>>().join(", ");
        reader.fault(name, "unknown-value", || format!("this must be one of {}", words()));
    }
    known
}

fn time(reader: &mut Reader, name: &str) -> Option<DateTime<Utc>> {
    let text = reader.text(name, NAME_CHARS).value()?;
    // The plus of a zone is often sent as it is, which in a query means a space.
    let time = Timestamp::read(&text.replace(' ', "+"));
    if time.is_none() {
        reader.fault(name, "invalid-date", || "this must be a time as RFC 3339 writes it, or a date".to_owned());
    }
    time.map(|Timestamp(time)| time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<F: Filter>(query: &str) -> Result<F, Vec<String>> {
        let mut faults = Faults::default();
        let parameters = Parameters::read(query, &mut faults);
        let filter = F::read(&parameters, &mut faults);
        let listed = |faults: Faults| faults.into_listed();
        let name = |fault: crate::Fault| format!("{} {}", fault.pointer, fault.code);
        faults.check(filter).map_err(|faults| listed(faults).into_iter().map(name).collect())
    }

    fn image(query: &str) -> ImageFilter {
        read(query).unwrap()
    }

    #[test]
    fn every_name_is_read_in_both_forms() {
        let expected = ImageFilter {
            strings: [Some("a b".into()), Some(String::new()), Some("ü".into())],
            numbers: [Some(-7), Some(i64::MAX), Some(0)],
            space: Some(SpaceId(3)),
            tags: vec!["x".into(), "y".into()],
            id: Some("page-1".into()),
            batch: Some(BatchId(9)),
            state: Some(Progress::Error),
            error: Some(FailureCode::TooLarge),
            created_after: "2016-11-04T17:28:17Z".parse().ok(),
            created_before: "2017-01-01T00:00:00Z".parse().ok(),
        };
        let plain = "string1=a+b&string2=&string3=%C3%BC&number1=-7&number2=9223372036854775807&number3=0&space=3\
                     &tags=x,%20y,&id=page-1&batch=https://x/queue/batches/9&state=error&error=too-large\
                     &createdAfter=2016-11-04T18:28:17+01:00&createdBefore=2017-01-01&unknown=1&unknown=2";
        assert_eq!(image(plain), expected);
        let q = r#"q={"string1":"a b","string2":"","string3":"ü","number1":"-7","number2":9223372036854775807,
            "number3":0,"space":"3","tags":["x","y"],"id":"page-1","batch":9,"state":"error","error":"too-large",
            "createdAfter":"2016-11-04T17:28:17Z","createdBefore":"2017-01-01","unknown":null}"#;
        assert_eq!(image(q), expected);
    }

    #[test]
    fn plain_parameters_win_and_others_stay() {
        let both = image(r#"string1=plain&tags=b&q={"string1":"q","number1":1,"tags":["a,c"],"string2":null}"#);
        let expected = ImageFilter {
            strings: [Some("plain".into()), None, None],
            numbers: [Some(1), None, None],
            tags: vec!["b".into()],
            ..ImageFilter::default()
        };
        assert_eq!(both, expected);
        assert_eq!(image(r#"q={"tags":["a,c"]}"#).tags, ["a,c"]);
        assert_eq!(image("tags=&q={}"), ImageFilter::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (query, expected) in [
            ("q=[]", vec!["?q wrong-type"]),
            ("q=", vec!["?q wrong-type"]),
            ("q={\"a\":", vec!["?q wrong-type"]),
            ("q={}&q={}", vec!["?q repeated"]),
            (
                r#"q={"string1":1,"number1":"x","tags":[1]}"#,
                vec!["?q/string1 wrong-type", "?q/number1 wrong-type", "?q/tags/0 wrong-type"],
            ),
            ("number1=1.5&number2=99999999999999999999", vec!["?number1 wrong-type", "?number2 wrong-type"]),
            ("string1=a%00&id=%00", vec!["?string1 invalid-character", "?id invalid-character"]),
            (
                "space=-1&batch=x&state=done&error=?",
                vec!["?space out-of-range", "?batch wrong-type", "?state unknown-value", "?error unknown-value"],
            ),
            (
                "createdAfter=yesterday&createdBefore=",
                vec!["?createdAfter invalid-date", "?createdBefore invalid-date"],
            ),
            ("string1=a&string1=b", vec!["?string1 repeated"]),
        ] {
            assert_eq!(read::<ImageFilter>(query), Err(expected.into_iter().map(str::to_owned).collect()), "{query}");
        }
        assert_eq!(
            read::<BatchFilter>("state=new&label=%00"),
            Err(vec!["?label invalid-character".into(), "?state unknown-value".into()])
        );
    }
}
