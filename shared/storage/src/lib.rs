//! The object store: one layout of keys, one descriptor per image, two kinds of store behind one type.

mod buffer;
pub mod descriptor;
mod error;
mod file;
pub mod key;
mod list;
mod local;
mod presign;
mod s3;
mod settings;
mod store;

pub use descriptor::{Descriptor, Thumbnail};
pub use error::StoreError;
pub use key::{Generation, StagingKey, StorageKey};
pub use list::{Listed, Removed};
pub use local::LocalFile;
pub use presign::{Presigned, Presigner, S3Keys};
pub use settings::StorageSettings;
pub use store::Store;
