//! Images, one at a time. Many at once are in [`crate::bulk`].

pub mod create;
pub mod delete;
mod json_file;
pub mod list;
mod multipart;
pub mod patch;
mod prefer;
pub mod put;
pub mod read;
mod register;
pub mod reingest;
mod sent;
pub mod storage;

use dlcs_api::{Faults, Given, ImageInput, Reader};
use dlcs_db::queue::{NewImage, Resettable};
use dlcs_http::{JsonBody, Problem};
use dlcs_model::{ImageId, SpaceId};

pub use create::create;
pub use delete::delete;
pub use list::{list, list_all};
pub use patch::patch;
pub use put::put;
pub use read::read;
pub use reingest::reingest;
pub use storage::storage;

/// What a request to an image's own URL says of it. An image cannot be without an origin.
///
/// # Errors
/// Every fault.
fn read_at(body: &JsonBody, space: SpaceId, id: ImageId) -> Result<ImageInput, Problem> {
    let mut faults = Faults::default();
    let input = Reader::root(&body.value, &mut faults).map(|mut reader| {
        let input = ImageInput::read_at(&mut reader, space, id);
        if input.origin == Given::Null {
            reader.fault("origin", "missing-origin", || "an image must say where to fetch it".to_owned());
        }
        input
    });
    Ok(faults.check(input)?.unwrap_or_default())
}

/// What to store for an input; an explicit `null` gives the field its default.
pub fn new_image(space: SpaceId, id: ImageId, input: ImageInput) -> NewImage {
    use Resettable as Field;
    let mut resets = Vec::new();
    let ImageInput { space: _, id: _, origin, initial_origin, media_type, strings, numbers, .. } = input;
    let [string1, string2, string3] = strings;
    let [number1, number2, number3] = numbers;
    NewImage {
        space,
        id,
        origin: origin.value(),
        initial_origin: given(initial_origin, Field::InitialOrigin, &mut resets),
        media_type: given(media_type, Field::MediaType, &mut resets),
        string1: given(string1, Field::String1, &mut resets),
        string2: given(string2, Field::String2, &mut resets),
        string3: given(string3, Field::String3, &mut resets),
        number1: given(number1, Field::Number1, &mut resets),
        number2: given(number2, Field::Number2, &mut resets),
        number3: given(number3, Field::Number3, &mut resets),
        tags: given(input.tags, Field::Tags, &mut resets),
        roles: given(input.roles, Field::Roles, &mut resets),
        max_unauthorised: given(input.max_unauthorised, Field::MaxUnauthorised, &mut resets),
        metadata: given(input.metadata, Field::Metadata, &mut resets),
        resets,
        upload: None,
    }
}

fn given<T>(given: Given<T>, field: Resettable, resets: &mut Vec<Resettable>) -> Option<T> {
    if matches!(given, Given::Null) {
        resets.push(field);
    }
    given.value()
}

fn unknown() -> Problem {
    Problem::not_found("There is no such image.")
}
