//! A collection of images as it is posted to a queue.

use std::collections::HashSet;
use std::collections::hash_map::{Entry, HashMap};

use dlcs_model::limits::NAME_CHARS;
use dlcs_model::{CustomerId, ImageId, SpaceId};
use serde_json::Value;

use crate::stream::{self, Frame, MEMBERS};
use crate::{Faults, Given, ImageInput, Reader};

/// A batch to register: everything in it has the right form.
#[derive(Debug, Clone, PartialEq)]
pub struct BatchInput {
    /// A name that the client gave it.
    pub label: Option<String>,
    /// Its images, in order.
    pub members: Vec<MemberInput>,
}

/// An image of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct MemberInput {
    /// A space that exists.
    pub space: SpaceId,
    /// Given or assigned.
    pub id: ImageId,
    /// Where to fetch it.
    pub origin: String,
    /// Everything else that was said.
    pub fields: ImageInput,
}

/// What a batch is held against.
#[derive(Debug)]
pub struct BatchRules<'r> {
    /// Who sends it.
    pub customer: CustomerId,
    /// The customer's spaces.
    pub spaces: &'r HashSet<SpaceId>,
    /// The most members.
    pub max_members: usize,
}

impl BatchInput {
    /// Reads a batch from its text.
    ///
    /// # Errors
    /// If the text is no JSON; within that, every fault of every member.
    pub fn read(text: &[u8], rules: &BatchRules<'_>) -> serde_json::Result<Result<Self, Faults>> {
        let mut members = Members { rules, faults: Faults::default(), seen: HashMap::new(), read: Vec::new() };
        let frame = stream::read(text, &["@type", "label"], |name, index, value| members.add(name, index, value))?;
        Ok(members.finish(frame))
    }
}

/// The members read so far.
struct Members<'r> {
    rules: &'r BatchRules<'r>,
    faults: Faults,
    seen: HashMap<(SpaceId, ImageId), usize>,
    read: Vec<MemberInput>,
}

impl Members<'_> {
    fn add(&mut self, name: &'static str, index: usize, value: &Value) {
        // More are only counted.
        if index >= self.rules.max_members {
            return;
        }
        let prefix = format!("/{name}");
        let Some(mut reader) = Reader::element(value, &prefix, index, &mut self.faults) else { return };
        let Some(member) = read_member(&mut reader, self.rules) else { return };
        match self.seen.entry((member.space, member.id.clone())) {
            Entry::Vacant(place) => {
                place.insert(index);
                self.read.push(member);
            }
            Entry::Occupied(place) => {
                let (first, id, space) = (*place.get(), &member.id, member.space);
                let detail = || format!("\"{id}\" in space {space} is also the image at {first}");
                reader.fault("id", "duplicate-id", detail);
            }
        }
    }

    fn finish(self, frame: Frame) -> Result<BatchInput, Faults> {
        let Frame { fields, members } = frame;
        let fields =
            fields.map_err(|kind| Faults::one("wrong-type", "", format!("this must be an object, not {kind}")))?;
        let mut faults = Faults::default();
        let label = read_frame(&Value::Object(fields), &mut faults).flatten();
        let Some((name, count)) = members else {
            return Err(Faults::one("missing-member", "/member", "a collection needs an array of images: member"));
        };
        let max = self.rules.max_members;
        if count > max {
            let detail = format!("at most {max} images in one batch, this has {count}");
            return Err(Faults::one("too-many", format!("/{name}"), detail));
        }
        if count == 0 {
            faults.add("empty", || format!("/{name}"), || "there must be at least one image".to_owned());
        }
        faults.append(self.faults);
        faults.check(BatchInput { label, members: self.read })
    }
}

/// The collection's own fields; none if the body is no object at all.
pub(crate) fn read_frame(body: &Value, faults: &mut Faults) -> Option<Option<String>> {
    let mut reader = Reader::root(body, faults)?;
    if let Given::Value(kind) = reader.text("@type", NAME_CHARS)
        && !is_collection(&kind)
    {
        reader.fault("@type", "wrong-type", || format!("this must be Collection, not {kind}"));
    }
    Some(reader.text("label", NAME_CHARS).value().filter(|label| !label.is_empty()))
}

fn is_collection(kind: &str) -> bool {
    matches!(kind, "Collection" | "hydra:Collection" | "http://www.w3.org/ns/hydra/core#Collection")
}

pub(crate) fn find_members(body: &Value) -> Option<(&'static str, &Vec<Value>)> {
    MEMBERS.into_iter().find_map(|name| Some((name, body.get(name)?.as_array()?)))
}

fn read_member(reader: &mut Reader<'_, '_>, rules: &BatchRules<'_>) -> Option<MemberInput> {
    let before = reader.faults.total();
    let mut fields = ImageInput::read(reader, rules.customer);
    match fields.space {
        Some(space) if !rules.spaces.contains(&space) => {
            reader.fault("space", "unknown-space", || format!("there is no space {space}"));
        }
        None if !reader.has("space") => {
            reader.fault("space", "missing-space", || "an image in a queue must name its space".to_owned());
        }
        // A null is as good as nothing; anything else unusable was already noted.
        None if reader.faults.total() == before => {
            reader.fault("space", "missing-space", || "an image in a queue must name its space".to_owned());
        }
        Some(_) | None => {}
    }
    if reader.has("file") {
        let detail = || "bytes are sent with one image at a time: PUT it, or POST it to its space".to_owned();
        reader.fault("file", "bytes-in-a-batch", detail);
    }
    let origin = std::mem::take(&mut fields.origin);
    let origin = match origin {
        Given::Value(origin) => Some(origin),
        Given::Absent if reader.has("origin") => None,
        Given::Absent | Given::Null => {
            reader.fault("origin", "missing-origin", || "an image in a queue must say where to fetch it".to_owned());
            None
        }
    };
    if reader.faults.total() > before {
        return None;
    }
    let (space, id) = (fields.space?, fields.id.take().unwrap_or_else(ImageId::assign));
    Some(MemberInput { space, id, origin: origin?, fields })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: &Value) -> Result<BatchInput, Vec<String>> {
        let spaces = HashSet::from([SpaceId(3)]);
        let rules = BatchRules { customer: CustomerId(2), spaces: &spaces, max_members: 4 };
        BatchInput::read(body.to_string().as_bytes(), &rules)
            .unwrap()
            .map_err(|faults| faults.into_listed().into_iter().map(|f| format!("{} {}", f.pointer, f.code)).collect())
    }

    fn image(id: &str) -> Value {
        json!({"space": 3, "id": id, "origin": "http://h/x.jpg"})
    }

    #[test]
    fn the_documents_of_old_are_understood() {
        for (kind, name) in
            [(json!("Collection"), "member"), (json!("hydra:Collection"), "hydra:member"), (Value::Null, "members")]
        {
            let batch =
                read(&json!({"@context": "", "@type": kind, "label": "b1", name: [image("a"), image("")]})).unwrap();
            assert_eq!(batch.label.as_deref(), Some("b1"));
            assert_eq!(batch.members[0].id.as_str(), "a");
            assert_eq!(batch.members[1].id.as_str().len(), 36, "an id is assigned");
        }
    }

    #[test]
    fn every_faulty_member_is_named() {
        let body = json!({"hydra:member": [
            image("a"),
            {"id": "b/c", "space": 9},
            image("a"),
            7,
        ]});
        let expected = [
            "/hydra:member/1/id invalid-id",
            "/hydra:member/1/space unknown-space",
            "/hydra:member/1/origin missing-origin",
            "/hydra:member/2/id duplicate-id",
            "/hydra:member/3 wrong-type",
        ];
        assert_eq!(read(&body).unwrap_err(), expected);
    }

    #[test]
    fn a_missing_value_is_told_from_a_wrong_one() {
        for (space, code) in [(json!(null), "missing-space"), (json!("x"), "wrong-type"), (json!(-1), "out-of-range")] {
            let body = json!({"member": [{"space": space, "origin": "http://h/x"}]});
            assert_eq!(read(&body).unwrap_err(), [format!("/member/0/space {code}")]);
        }
        for (origin, code) in
            [(json!(null), "missing-origin"), (json!(1), "wrong-type"), (json!("x"), "invalid-origin")]
        {
            let body = json!({"member": [{"space": 3, "origin": origin}]});
            assert_eq!(read(&body).unwrap_err(), [format!("/member/0/origin {code}")]);
        }
    }

    #[test]
    fn the_frame_is_checked() {
        assert_eq!(read(&json!([])).unwrap_err(), [" wrong-type"]);
        assert_eq!(read(&json!({})).unwrap_err(), ["/member missing-member"]);
        assert_eq!(read(&json!({"member": []})).unwrap_err(), ["/member empty"]);
        assert_eq!(read(&json!({"member": [1, 2, 3, 4, 5]})).unwrap_err(), ["/member too-many"]);
        let body = json!({"@type": "vocab:Image", "label": 4, "member": [image("a")]});
        assert_eq!(read(&body).unwrap_err(), ["/@type wrong-type", "/label wrong-type"]);
    }
}
