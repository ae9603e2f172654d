//! A space as it is described and as it is read.

use dlcs_model::limits::{NAME_CHARS, STRING_CHARS};
use serde::Serialize;
use serde_json::Value;

use crate::image_input::read_max_unauthorised;
use crate::resource::Body;
use crate::{Faults, Given, Reader, Timestamp};

/// The fields of a space.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Space {
    /// Its number.
    pub id: i32,
    /// Its name, unique among the customer's.
    pub name: String,
    /// When it was created.
    pub created: Timestamp,
    /// Tags that every new image gets.
    pub default_tags: Vec<String>,
    /// Roles that every new image gets.
    pub default_roles: Vec<String>,
    /// What a new image gets that does not say.
    pub default_max_unauthorised: i32,
    /// The same under its newer name.
    pub max_unauthorised: i32,
    /// How many images it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number_of_images: Option<i64>,
    /// The same under its older name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approximate_number_of_images: Option<i64>,
    /// Its images.
    #[schema(format = "uri")]
    pub images: String,
    /// What is stored for it.
    #[schema(format = "uri")]
    pub storage: String,
}

impl Body for Space {
    const NAME: &'static str = "Space";
    const TYPE: &'static str = "vocab:Space";
}

/// What a request says about a space.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpaceInput {
    /// Its name.
    pub name: Option<String>,
    /// Tags that every new image gets.
    pub default_tags: Given<Vec<String>>,
    /// Roles that every new image gets.
    pub default_roles: Given<Vec<String>>,
    /// What a new image gets that does not say.
    pub default_max_unauthorised: Given<i32>,
}

impl SpaceInput {
    /// Reads a space; `new` ones must have a name.
    ///
    /// # Errors
    /// Every fault.
    pub fn read(body: &Value, new: bool) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let Some(mut reader) = Reader::root(body, &mut faults) else { return Err(faults) };
        let name = match reader.text("name", NAME_CHARS) {
            Given::Value(name) if !name.trim().is_empty() => Some(name),
            Given::Absent if !new || reader.has("name") => None,
            Given::Value(_) | Given::Null | Given::Absent => {
                reader.fault("name", "missing-name", || "a space must have a name".to_owned());
                None
            }
        };
        let [older, newer] =
            ["defaultMaxUnauthorised", "maxUnauthorised"].map(|name| read_max_unauthorised(&mut reader, name));
        let input = Self {
            name,
            default_tags: reader.texts("defaultTags", STRING_CHARS),
            default_roles: reader.texts("defaultRoles", STRING_CHARS),
            default_max_unauthorised: if matches!(older, Given::Absent) { newer } else { older },
        };
        faults.check(input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_new_space_needs_a_name() {
        for body in [json!({}), json!({"name": null}), json!({"name": " "}), json!({"name": 3})] {
            let faults = SpaceInput::read(&body, true).unwrap_err().into_listed();
            assert_eq!((faults.len(), faults[0].pointer.as_str()), (1, "/name"), "{body}");
        }
        assert_eq!(SpaceInput::read(&json!({}), false).unwrap(), SpaceInput::default());
        assert!(SpaceInput::read(&json!({"name": ""}), false).is_err());
    }

    #[test]
    fn both_names_of_the_limit_are_read() {
        for name in ["defaultMaxUnauthorised", "maxUnauthorised"] {
            let input = SpaceInput::read(&json!({"name": "a", name: "200"}), true).unwrap();
            assert_eq!(input.default_max_unauthorised, Given::Value(200));
        }
        let both = json!({"name": "a", "defaultMaxUnauthorised": 100, "maxUnauthorised": 200});
        assert_eq!(SpaceInput::read(&both, true).unwrap().default_max_unauthorised, Given::Value(100));
        let wrong = json!({"name": "a", "defaultMaxUnauthorised": 100, "maxUnauthorised": "x"});
        assert_eq!(SpaceInput::read(&wrong, true).unwrap_err().into_listed()[0].pointer, "/maxUnauthorised");
    }
}
