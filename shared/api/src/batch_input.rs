//! A collection of images as it is posted to a queue.

use std::collections::hash_map::{Entry, HashMap};
use std::collections::{BTreeSet, HashSet};

use dlcs_model::limits::NAME_CHARS;
use dlcs_model::{CustomerId, ImageId, SpaceId};
use serde_json::Value;

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
    /// The customer's spaces, as far as they matter.
    pub spaces: &'r HashSet<SpaceId>,
    /// The most members.
    pub max_members: usize,
}

/// The spaces that members name, so that they can be looked up before the batch is read.
#[must_use]
pub fn spaces_named(body: &Value, customer: CustomerId) -> BTreeSet<SpaceId> {
    let Some((_, members)) = find_members(body) else { return BTreeSet::new() };
    let mut ignored = Faults::default();
    let spaces = members.iter().filter(|member| member.is_object()).filter_map(|member| {
        let space = member.get("space").map(|space| match space {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_i64().and_then(|n| i32::try_from(n).ok()),
        });
        match space {
            Some(number) => number.map(SpaceId),
            None => ImageInput::read(&mut Reader::root(member, &mut ignored)?, customer).space,
        }
    });
    spaces.collect()
}

impl BatchInput {
    /// Reads a batch.
    ///
    /// # Errors
    /// Every fault of every member.
    pub fn read(body: &Value, rules: &BatchRules<'_>) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let Some(label) = read_frame(body, &mut faults) else { return Err(faults) };
        let Some((name, members)) = find_members(body) else {
            return Err(Faults::one("missing-member", "/member", "a collection needs an array of images: member"));
        };
        let prefix = format!("/{name}");
        if members.is_empty() {
            faults.add("empty", || prefix.clone(), || "there must be at least one image".to_owned());
        }
        if members.len() > rules.max_members {
            let (count, max) = (members.len(), rules.max_members);
            return Err(Faults::one(
                "too-many",
                prefix,
                format!("at most {max} images in one batch, this has {count}"),
            ));
        }
        let mut seen = HashMap::with_capacity(members.len());
        let mut read = Vec::with_capacity(members.len());
        for (index, value) in members.iter().enumerate() {
            let Some(mut reader) = Reader::element(value, &prefix, index, &mut faults) else { continue };
            let Some(member) = read_member(&mut reader, rules) else { continue };
            match seen.entry((member.space, member.id.clone())) {
                Entry::Vacant(place) => {
                    place.insert(index);
                    read.push(member);
                }
                Entry::Occupied(place) => {
                    let (first, id, space) = (*place.get(), &member.id, member.space);
                    let detail = || format!("\"{id}\" in space {space} is also the image at {first}");
                    reader.fault("id", "duplicate-id", detail);
                }
            }
        }
        faults.check(Self { label, members: read })
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
    ["member", "hydra:member", "members"].into_iter().find_map(|name| Some((name, body.get(name)?.as_array()?)))
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
        BatchInput::read(body, &rules)
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

    #[test]
    fn spaces_are_found_before_reading() {
        let body = json!({"member": [image("a"), {"space": "7"}, {"id": "2/8/x"}, {"space": "x"}, 5]});
        assert_eq!(spaces_named(&body, CustomerId(2)), BTreeSet::from([SpaceId(3), SpaceId(7), SpaceId(8)]));
    }
}
