//! THE wire types: what clients send and what they get back. No I/O.
//!
//! Lenient in: every input is read from a JSON value by hand ([`read`]), so that one request's faults are all found at
//! once and each is named by its place. Strict out: plain structs that serialise to JSON-LD, `@context`, `@id`, `@type`
//! first, absent instead of `null`.

pub mod batch;
pub mod batch_input;
pub mod bulk;
pub mod collection;
pub mod cursor;
pub mod customer;
pub mod documentation;
pub mod entry_point;
pub mod event;
pub mod examples;
pub mod fault;
pub mod filter;
pub mod image;
pub mod image_input;
pub mod key;
pub mod links;
pub mod origin_strategy;
pub mod parameters;
pub mod policy;
pub mod portal_user;
pub mod problem;
pub mod queue;
pub mod read;
pub mod requests;
pub mod resource;
pub mod scalars;
pub mod space;
pub mod storage;
mod stream;
pub mod success;
pub mod timestamp;
pub mod vocabulary;

pub use batch::{Batch, BatchMember, MemberState};
pub use batch_input::{BatchInput, BatchRules, MemberInput};
pub use bulk::{ChangeInput, MAX_BULK, read_changes, read_names};
pub use collection::{Collection, Neighbours, Page, PartialCollectionView};
pub use cursor::Cursor;
pub use customer::{Customer, CustomerInput};
pub use entry_point::EntryPoint;
pub use event::ImageEnded;
pub use fault::{Fault, Faults};
pub use filter::Filter;
pub use image::Image;
pub use image_input::ImageInput;
pub use key::Key;
pub use links::Links;
pub use origin_strategy::{Before, CustomerOriginStrategy, GivenCredentials, OriginStrategyInput, OriginTest};
pub use parameters::Parameters;
pub use policy::{ImageOptimisationPolicy, OriginStrategy, ThumbnailPolicy};
pub use portal_user::{PortalUser, PortalUserInput};
pub use problem::{ImageFailures, Problem, ProblemKind};
pub use queue::Queue;
pub use read::{Given, Reader};
pub use resource::Resource;
pub use space::{Space, SpaceInput};
pub use storage::{ImageStorage, Storage, StoragePolicy, StoragePolicyInput};
pub use success::{Deleted, Success};
pub use timestamp::Timestamp;

/// The OpenAPI document of the whole API as it is generated from the handlers; its server is filled in when it is sent.
pub const OPENAPI: &str = include_str!("../openapi.json");
