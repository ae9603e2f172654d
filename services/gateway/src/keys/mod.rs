//! A customer's API keys.

pub mod create;
pub mod delete;
pub mod list;

pub use create::create;
pub use delete::delete;
pub use list::list;
