//! The forms of single values in requests, for the documentation only. Numbers may come as numeric strings, one text
//! in place of a list of texts.

use std::borrow::Cow;

use dlcs_model::limits::{LIST_ENTRIES, STRING_CHARS};
use dlcs_model::{FailureCode, OriginStrategy, Scheme};
use serde::Serialize;
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, OneOfBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

/// Declares a value that is only described.
macro_rules! scalar {
    ($(#[$doc:meta])* $name:ident, $schema:expr) => {
        $(#[$doc])*
        #[derive(Debug, Serialize)]
        pub struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                RefOr::T($schema)
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    };
}

scalar! {
    /// A whole number of 64 bits.
    Whole, whole(i64::MIN, i64::MAX, r"^\s*[+-]?[0-9]{1,18}\s*$")
}
scalar! {
    /// The number of a space.
    SpaceNumber, whole(1, i64::from(i32::MAX), r"^\s*\+?0*[1-9][0-9]{0,8}\s*$")
}
scalar! {
    /// Pixels on the long edge that anyone may see, -1 for all.
    PixelLimit, whole(-1, i64::from(i32::MAX), r"^\s*(-1|\+?[0-9]{1,9})\s*$")
}
scalar! {
    /// Texts, or one text in place of a list.
    Texts, texts()
}
scalar! {
    /// An absolute URI of a protocol that we fetch from, without user and password.
    Origin, origin()
}
scalar! {
    /// Why an image could not be registered, as a stable word.
    FailureWord, failure()
}

scalar! {
    /// A way to talk to an origin.
    StrategyName, strategy()
}

fn whole(low: i64, high: i64, digits: &str) -> Schema {
    let number = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(low)).maximum(Some(high));
    let number = number.format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)));
    let text = ObjectBuilder::new().schema_type(Type::String).pattern(Some(digits));
    OneOfBuilder::new().item(number).item(text).description(Some("A number, also as a numeric string.")).into()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).max_length(Some(STRING_CHARS)).pattern(Some(r"^[^\u0000]*$"))
}

fn texts() -> Schema {
    let list = ArrayBuilder::new().items(text()).max_items(Some(LIST_ENTRIES));
    OneOfBuilder::new().item(list).item(text()).description(Some("Texts, or one text alone.")).into()
}

fn origin() -> Schema {
    let schemes: Vec<_> = Scheme::ALL.iter().map(|scheme| scheme.as_str()).collect();
    let text = ObjectBuilder::new().schema_type(Type::String).max_length(Some(dlcs_model::Origin::MAX_BYTES));
    let text = text.format(Some(SchemaFormat::Custom("uri".to_owned())));
    text.description(Some(format!("An absolute URI: {}.", schemes.join(", ")))).into()
}

fn strategy() -> Schema {
    let words = OriginStrategy::ALL.iter().map(|word| word.as_str());
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
}

fn failure() -> Schema {
    let words = FailureCode::ALL.iter().map(|code| code.as_str());
    ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).into()
}
