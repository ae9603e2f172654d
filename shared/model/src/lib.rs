//! The words of the domain: identifiers, origins, source formats, failures, limits and the life of an item.
//! No I/O, no async, no other workspace crate.
//!
//! | word | meaning |
//! |---|---|
//! | customer | who registers images; everything belongs to exactly one |
//! | space | a customer's partition of images; ids are unique within it |
//! | image | what is registered; becomes one IIIF service |
//! | generation | counts the registrations of one image; the highest wins |
//! | batch | images registered in one request |
//! | item | one image's place (ordinal) in one batch; it ends once, completed or in error |
//! | origin | where the bytes are fetched from, once |
//! | staging | where fetched bytes wait for the processor |
//! | derivative | the one file that everything is served from |
//! | descriptor | the small object that names the current derivative of an image |

mod credentials;
pub mod failure;
pub mod format;
pub mod id;
pub mod item;
pub mod limits;
pub mod listing;
pub mod origin;
mod pattern;
pub mod strategy;

pub use credentials::{Credentials, SftpLogin};
pub use failure::{Failure, FailureCode, RetryClass};
pub use format::SourceFormat;
pub use id::{BatchId, CustomerId, ImageId, ImageKey, InvalidImageId, SpaceId};
pub use item::{ItemState, Lane, Stage};
pub use listing::{
    BatchField, BatchFilter, Field, ImageField, ImageFilter, Key, Order, Progress, SpaceField, Unordered,
};
pub use origin::{Origin, OriginError, Scheme};
pub use pattern::{Pattern, PatternError};
pub use strategy::OriginStrategy;
