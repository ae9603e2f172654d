//! Collections that name images, or change many of them, in one request.

use std::collections::HashSet;

use dlcs_model::{CustomerId, ImageId, SpaceId};
use serde_json::Value;

use crate::batch_input::{find_members, read_frame};
use crate::{Faults, ImageInput, Reader};

/// Images in one request at most.
pub const MAX_BULK: usize = 1000;

/// The images that a collection names, each once, in its order.
///
/// # Errors
/// Every fault.
pub fn read_names(body: &Value, customer: CustomerId) -> Result<Vec<(SpaceId, ImageId)>, Faults> {
    let mut seen = HashSet::new();
    let names = read_each(body, |reader| {
        let before = reader.faults.total();
        let ImageInput { space, id, .. } = ImageInput::read_identity(reader, customer);
        let name = name_of(reader, space, id, before)?;
        seen.insert(name.clone()).then_some(name)
    })?;
    Ok(names)
}

/// A change of one image.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeInput {
    /// The image.
    pub id: ImageId,
    /// What is said of it.
    pub fields: ImageInput,
}

/// The changes of images of `space` that a collection holds; none may change an origin, and none is named twice.
///
/// # Errors
/// Every fault.
pub fn read_changes(body: &Value, customer: CustomerId, space: SpaceId) -> Result<Vec<ChangeInput>, Faults> {
    let mut seen = HashSet::new();
    read_each(body, |reader| {
        let before = reader.faults.total();
        let mut fields = ImageInput::read_in(reader, customer, space);
        if reader.has("origin") {
            let detail = "the origin of many images cannot be changed at once; register them in a queue";
            reader.fault("origin", "origin-not-allowed", || detail.to_owned());
        }
        let id = fields.id.take();
        let (_, id) = name_of(reader, Some(space), id, before)?;
        if !seen.insert(id.clone()) {
            reader.fault("id", "duplicate-id", || format!("\"{id}\" is also an earlier member"));
        }
        Some(ChangeInput { id, fields })
    })
}

fn name_of(
    reader: &mut Reader<'_, '_>,
    space: Option<SpaceId>,
    id: Option<ImageId>,
    before: usize,
) -> Option<(SpaceId, ImageId)> {
    if reader.faults.total() > before {
        return None;
    }
    if id.is_none() {
        reader.fault("id", "missing-id", || "an image must be named".to_owned());
    } else if space.is_none() {
        let detail = "an image is named customer/space/id, or by its id and its space";
        reader.fault("space", "missing-space", || detail.to_owned());
    }
    space.zip(id)
}

/// Reads every member of a collection; those that give nothing are left out.
fn read_each<T>(body: &Value, mut read: impl FnMut(&mut Reader<'_, '_>) -> Option<T>) -> Result<Vec<T>, Faults> {
    let mut faults = Faults::default();
    if read_frame(body, &mut faults).is_none() {
        return Err(faults);
    }
    let Some((name, members)) = find_members(body) else {
        return Err(Faults::one("missing-member", "/member", "a collection needs an array of images: member"));
    };
    let prefix = format!("/{name}");
    if members.is_empty() {
        faults.add("empty", || prefix.clone(), || "there must be at least one image".to_owned());
    }
    if members.len() > MAX_BULK {
        let detail = format!("at most {MAX_BULK} images in one request, this has {}", members.len());
        return Err(Faults::one("too-many", prefix, detail));
    }
    let mut values = Vec::with_capacity(members.len());
    for (index, value) in members.iter().enumerate() {
        let Some(mut reader) = Reader::element(value, &prefix, index, &mut faults) else { continue };
        values.extend(read(&mut reader));
    }
    faults.check(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Given;
    use serde_json::json;

    fn listed(faults: Faults) -> Vec<String> {
        faults.into_listed().into_iter().map(|f| format!("{} {}", f.pointer, f.code)).collect()
    }

    #[test]
    fn images_are_named_in_every_form_and_counted_once() {
        let body = json!({"@type": "Collection", "member": [
            {"id": "2/3/a"},
            {"@id": "https://x/customers/2/spaces/3/images/b"},
            {"id": "c", "space": "4"},
            {"modelId": "2/3/a"},
            {"id": "2/3/d", "string1": 7, "origin": "none of this is read"},
        ]});
        let names = read_names(&body, CustomerId(2)).unwrap();
        let names: Vec<_> = names.iter().map(|(space, id)| format!("{space}/{id}")).collect();
        assert_eq!(names, ["3/a", "3/b", "4/c", "3/d"]);
    }

    #[test]
    fn what_names_no_image_is_a_fault() {
        let body = json!({"hydra:member": [{"id": "a"}, {}, {"id": "9/3/a"}, {"id": "a b", "space": 1}, "2/3/a"]});
        let expected = [
            "/hydra:member/0/space missing-space",
            "/hydra:member/1/id missing-id",
            "/hydra:member/2/id invalid-id",
            "/hydra:member/3/id invalid-id",
            "/hydra:member/4 wrong-type",
        ];
        assert_eq!(listed(read_names(&body, CustomerId(2)).unwrap_err()), expected);
        for (body, expected) in [
            (json!({}), "/member missing-member"),
            (json!({"members": []}), "/members empty"),
            (json!([]), " wrong-type"),
            (json!({"member": vec![json!({"id": "2/3/a"}); 1001]}), "/member too-many"),
        ] {
            assert_eq!(listed(read_names(&body, CustomerId(2)).unwrap_err()), [expected]);
        }
    }

    #[test]
    fn changes_name_images_of_one_space_once_and_no_origin() {
        let read = |member: Value| read_changes(&json!({"member": member}), CustomerId(2), SpaceId(3));
        let changes = read(json!([{"id": "a", "string1": "x"}, {"id": "2/3/b", "space": 3, "tags": null}])).unwrap();
        assert_eq!(changes.iter().map(|change| change.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(changes[1].fields.tags, Given::Null);
        let faulty = json!([
            {"id": "a"}, {"id": "2/3/a"}, {"id": "b", "origin": "http://h/x"}, {"id": "c", "space": 4},
            {"id": "2/4/d"}, {"string1": "x"}, {"id": "e", "number1": "many", "origin": null}
        ]);
        let expected = [
            "/member/1/id duplicate-id",
            "/member/2/origin origin-not-allowed",
            "/member/3/space space-mismatch",
            "/member/4/space space-mismatch",
            "/member/5/id missing-id",
            "/member/6/number1 wrong-type",
            "/member/6/origin origin-not-allowed",
        ];
        assert_eq!(listed(read(faulty).unwrap_err()), expected);
    }
}
