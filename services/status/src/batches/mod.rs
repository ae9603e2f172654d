//! Batches.

pub mod cancel;
pub mod list;
pub mod members;
pub mod read;
pub mod retry;
pub mod test;

use dlcs_db::AsyncPgConnection;
use dlcs_db::batch::{self, Batch};
use dlcs_http::Problem;
use dlcs_model::{BatchId, CustomerId};

pub use cancel::cancel;
pub use list::{list_active, list_all, list_recent};
pub use members::{assets, completed_images, error_images, images};
pub use read::read;
pub use retry::retry;
pub use test::test;

/// A customer's batch, by one read of its primary key.
async fn require(db: &mut AsyncPgConnection, customer: CustomerId, id: BatchId) -> Result<Batch, Problem> {
    batch::get(db, customer, id).await?.ok_or_else(|| Problem::not_found("There is no such batch."))
}
