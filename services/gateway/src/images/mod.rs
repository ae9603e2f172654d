//! Images. Bulk changes, patches and uploads of bytes have their places beside these files.

pub mod create;
pub mod delete;
pub mod list;
mod prefer;
pub mod put;
pub mod read;
mod register;

use dlcs_api::{Given, ImageInput};
use dlcs_db::queue::NewImage;
use dlcs_model::{ImageId, SpaceId};

pub use create::create;
pub use delete::delete;
pub use list::{list, list_all};
pub use put::put;
pub use read::read;

/// What to store for an input; an explicit `null` is the default, except where that is nothing at all: such a field
/// keeps what it has.
pub fn new_image(space: SpaceId, id: ImageId, input: ImageInput) -> NewImage {
    fn given<T: Default>(given: Given<T>) -> Option<T> {
        match given {
            Given::Absent => None,
            Given::Null => Some(T::default()),
            Given::Value(value) => Some(value),
        }
    }
    let ImageInput { space: _, id: _, origin, initial_origin, media_type, strings, numbers, .. } = input;
    let [string1, string2, string3] = strings.map(given);
    let [number1, number2, number3] = numbers.map(given);
    NewImage {
        space,
        id,
        origin: origin.value(),
        initial_origin: initial_origin.value(),
        media_type: media_type.value(),
        string1,
        string2,
        string3,
        number1,
        number2,
        number3,
        tags: given(input.tags),
        roles: given(input.roles),
        max_unauthorised: match input.max_unauthorised {
            Given::Null => Some(-1),
            other => other.value(),
        },
        metadata: input.metadata.value(),
    }
}
