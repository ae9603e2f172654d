//! An image as a client describes it.

use dlcs_model::limits::{METADATA_BYTES, NAME_CHARS, STRING_CHARS};
use dlcs_model::{CustomerId, ImageId, Origin, SpaceId};
use serde_json::Value;

use crate::links::{FullIdError, parse_full_id};
use crate::{Given, Reader};

/// What a request says about an image. Read-only fields are ignored: a client may send back what it has read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImageInput {
    /// The space, from `space` or from a full id.
    pub space: Option<SpaceId>,
    /// The id; none or an empty one means that we assign one.
    pub id: Option<ImageId>,
    /// Where it is fetched from; has the form of an [`Origin`].
    pub origin: Given<String>,
    /// Where it is fetched from the first time.
    pub initial_origin: Given<String>,
    /// What the client believes the bytes to be.
    pub media_type: Given<String>,
    /// `string1` to `string3`.
    pub strings: [Given<String>; 3],
    /// `number1` to `number3`.
    pub numbers: [Given<i64>; 3],
    /// Free words.
    pub tags: Given<Vec<String>>,
    /// Who may see it without limits.
    pub roles: Given<Vec<String>>,
    /// Pixels on the long edge that anyone may see; -1 for all.
    pub max_unauthorised: Given<i32>,
    /// Free JSON.
    pub metadata: Given<Value>,
}

impl ImageInput {
    /// Reads an image of `customer`, noting every fault.
    pub fn read(reader: &mut Reader<'_, '_>, customer: CustomerId) -> Self {
        let (space, id) = read_name(reader, customer);
        Self { space, id, ..Self::read_fields(reader) }
    }

    /// Reads which image is meant, and nothing else.
    pub fn read_identity(reader: &mut Reader<'_, '_>, customer: CustomerId) -> Self {
        let (space, id) = read_name(reader, customer);
        Self { space, id, ..Self::default() }
    }

    /// Reads an image that was sent to a URL of `space`: what it says of its space must agree.
    pub fn read_in(reader: &mut Reader<'_, '_>, customer: CustomerId, space: SpaceId) -> Self {
        let before = reader.faults.total();
        let input = Self::read(reader, customer);
        if input.space.is_some_and(|given| given != space) && reader.faults.total() == before {
            reader.fault("space", "space-mismatch", || format!("the URL names space {space}"));
        }
        Self { space: Some(space), ..input }
    }

    /// Reads an image that was sent to its own URL, which says the id whatever the body says.
    pub fn read_at(reader: &mut Reader<'_, '_>, space: SpaceId, id: ImageId) -> Self {
        if read_space(reader).is_some_and(|given| given != space) {
            reader.fault("space", "space-mismatch", || format!("the URL names space {space}"));
        }
        Self { space: Some(space), id: Some(id), ..Self::read_fields(reader) }
    }

    /// Reads everything but the identity.
    fn read_fields(reader: &mut Reader<'_, '_>) -> Self {
        Self {
            space: None,
            id: None,
            origin: read_origin(reader, "origin"),
            initial_origin: read_origin(reader, "initialOrigin"),
            media_type: reader.text("mediaType", NAME_CHARS),
            strings: ["string1", "string2", "string3"].map(|name| reader.text(name, STRING_CHARS)),
            numbers: ["number1", "number2", "number3"].map(|name| reader.integer(name, i64::MIN..=i64::MAX)),
            tags: reader.texts("tags", STRING_CHARS),
            roles: reader.texts("roles", STRING_CHARS),
            max_unauthorised: read_max_unauthorised(reader, "maxUnauthorised"),
            metadata: reader.free_object("metadata", METADATA_BYTES),
        }
    }
}

/// The space and the id, which may both stand in a full id; they must agree then.
fn read_name(reader: &mut Reader<'_, '_>, customer: CustomerId) -> (Option<SpaceId>, Option<ImageId>) {
    let (space, id) = identity(reader, customer);
    let Some(given) = read_space(reader) else { return (space, id) };
    if space.is_some_and(|from_id| from_id != given) {
        reader.fault("space", "space-mismatch", || format!("the id names another space than {given}"));
    }
    (Some(given), id)
}

/// Reads a number of pixels that anyone may see, -1 for all.
pub(crate) fn read_max_unauthorised(reader: &mut Reader<'_, '_>, name: &str) -> Given<i32> {
    match reader.integer(name, -1..=i64::from(i32::MAX)) {
        Given::Value(number) => i32::try_from(number).map_or(Given::Absent, Given::Value),
        Given::Null => Given::Null,
        Given::Absent => Given::Absent,
    }
}

/// Reads `space`, if there is a usable one.
pub(crate) fn read_space(reader: &mut Reader<'_, '_>) -> Option<SpaceId> {
    let number = reader.integer("space", 1..=i64::from(i32::MAX)).value()?;
    i32::try_from(number).ok().map(SpaceId)
}

fn read_origin(reader: &mut Reader<'_, '_>, name: &str) -> Given<String> {
    let given = reader.text(name, Origin::MAX_BYTES);
    if let Given::Value(text) = &given
        && let Err(error) = Origin::parse(text)
    {
        reader.fault(name, "invalid-origin", || error.to_string());
        return Given::Absent;
    }
    given
}

/// The id, and the space that a full id names. `id` goes before `modelId`, and both before `@id`.
fn identity(reader: &mut Reader<'_, '_>, customer: CustomerId) -> (Option<SpaceId>, Option<ImageId>) {
    let mut given = |name| Some((name, reader.text(name, Origin::MAX_BYTES).value()?));
    let Some((name, text)) = ["id", "modelId", "@id"].into_iter().find_map(&mut given) else { return (None, None) };
    if text.is_empty() {
        return (None, None);
    }
    let error = match parse_full_id(&text, customer) {
        Ok((space, id)) => return (Some(space), Some(id)),
        Err(FullIdError::Form) if name != "@id" => match ImageId::new(text) {
            Ok(id) => return (None, Some(id)),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    };
    reader.fault(name, "invalid-id", || error);
    (None, None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Faults;
    use serde_json::json;

    fn read(body: &Value) -> (ImageInput, Vec<String>) {
        let mut faults = Faults::default();
        let input = ImageInput::read(&mut Reader::root(body, &mut faults).unwrap(), CustomerId(2));
        let faults = faults.into_listed().into_iter().map(|f| format!("{} {}: {}", f.pointer, f.code, f.detail));
        (input, faults.collect())
    }

    #[test]
    fn an_id_comes_under_three_names_and_in_three_forms() {
        let a = Some(ImageId::new("a").unwrap());
        for (body, space) in [
            (json!({"id": "a"}), None),
            (json!({"modelId": "a", "space": "3"}), Some(SpaceId(3))),
            (json!({"id": null, "modelId": "a"}), None),
            (json!({"id": "2/3/a"}), Some(SpaceId(3))),
            (json!({"@id": "https://x/customers/2/spaces/3/images/a", "space": 3}), Some(SpaceId(3))),
            (json!({"@id": "https://x/customers/2/spaces/9/images/z", "id": "a", "space": 3}), Some(SpaceId(3))),
        ] {
            let (input, faults) = read(&body);
            assert_eq!((input.id, input.space), (a.clone(), space), "{body}");
            assert_eq!(faults, Vec::<String>::new(), "{body}");
        }
        assert_eq!(read(&json!({"id": ""})).0.id, None);
    }

    #[test]
    fn all_faults_are_found_at_once() {
        let (_, faults) = read(&json!({
            "id": "page 1", "space": 0, "origin": "gopher://x/y", "string1": 7, "number2": "many",
            "tags": {"a": 1}, "maxUnauthorised": -2, "metadata": []
        }));
        let places: Vec<_> = faults.iter().map(|f| f.split(':').next().unwrap()).collect();
        let expected = [
            "/id invalid-id",
            "/space out-of-range",
            "/origin invalid-origin",
            "/string1 wrong-type",
            "/number2 wrong-type",
            "/tags wrong-type",
            "/maxUnauthorised out-of-range",
            "/metadata wrong-type",
        ];
        assert_eq!(places, expected);
        assert!(faults[0].contains("' ' at position 5"), "{}", faults[0]);
    }

    #[test]
    fn what_was_read_can_be_sent_back() {
        let (input, faults) = read(&json!({
            "@context": "x", "@id": "http://x/customers/2/spaces/3/images/a", "@type": "vocab:Image", "id": "a",
            "space": 3, "width": 10, "ingesting": false, "error": "x", "storage": "http://x", "string1": ""
        }));
        assert_eq!(faults, Vec::<String>::new());
        assert_eq!(input.strings[0], Given::Value(String::new()));
    }

    #[test]
    fn a_url_says_where_an_image_is() {
        let read = |body: &Value, at: bool| {
            let mut faults = Faults::default();
            let mut reader = Reader::root(body, &mut faults).unwrap();
            let input = match at {
                true => ImageInput::read_at(&mut reader, SpaceId(3), ImageId::new("u").unwrap()),
                false => ImageInput::read_in(&mut reader, CustomerId(2), SpaceId(3)),
            };
            (input.id.map(String::from), input.space, faults.into_listed().len())
        };
        let (u, a) = (Some("u".to_owned()), Some("a".to_owned()));
        assert_eq!(read(&json!({"id": "a", "space": "3"}), false), (a, Some(SpaceId(3)), 0));
        assert_eq!(read(&json!({"id": "2/4/a"}), false).2, 1);
        assert_eq!(read(&json!({"id": "2/4/a", "space": 3}), false).2, 1);
        assert_eq!(read(&json!({"id": "no id/"}), true), (u.clone(), Some(SpaceId(3)), 0));
        assert_eq!(read(&json!({"space": 4}), true), (u, Some(SpaceId(3)), 1));
    }

    #[test]
    fn a_space_in_the_id_must_agree() {
        assert_eq!(read(&json!({"id": "2/3/a", "space": 4})).1.len(), 1);
        assert!(read(&json!({"id": "7/3/a"})).1[0].contains("another customer"));
    }
}
