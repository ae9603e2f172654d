//! The IIIF Image API, versions 3.0 and 2.1, as pure functions: what a path asks for, what that means for one image,
//! its canonical form, and the information document. No input or output happens here.

mod decimal;
mod error;
mod format;
mod info;
mod negotiate;
mod region;
mod request;
mod rotation;
mod size;
mod subject;
mod version;

pub use decimal::Decimal;
pub use error::RequestError;
pub use format::{Format, Quality};
pub use info::{Service, information};
pub use negotiate::{MediaType, negotiate_version};
pub use region::{Rect, Region};
pub use request::{ImageRequest, Resolved};
pub use rotation::Rotation;
pub use size::{Form, Size};
pub use subject::{Limits, Subject};
pub use version::Version;
