//! Customers' names in the object store, where the image service finds the number behind a name.

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use dlcs_db::customer::{self, Customer};
use dlcs_db::{Database, Slice};
use dlcs_storage::{StorageKey, Store};

/// Customers read at once when all names are written.
const CHUNK: i64 = 1000;

/// Writes names, and remembers that some are missing.
pub struct Names {
    store: Store,
    missing: AtomicBool,
}

impl Names {
    /// Nothing is known to be written at first.
    pub fn new(store: Store) -> Self {
        Self { store, missing: AtomicBool::new(true) }
    }

    /// Writes a customer's name. A store that cannot be reached now gets it later.
    pub async fn publish(&self, customer: &Customer) {
        let key = StorageKey::CustomerName(&customer.name);
        let number = Bytes::from(customer.id.to_string());
        if let Err(error) = self.store.put(&key.to_string(), key.media_type(), number).await {
            tracing::warn!(%error, customer = customer.id.0, "a customer's name was not written to the store");
            self.missing.store(true, Ordering::Release);
        }
    }

    /// Writes all names, if any may be missing.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn complete(&self, database: &Database) -> Result<(), dlcs_db::DbError> {
        if !self.missing.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        let mut slice = Slice::first(CHUNK);
        loop {
            let listed = match database.get().await {
                Ok(mut db) => customer::list(&mut db, &slice).await,
                Err(error) => Err(error),
            };
            let listing = listed.inspect_err(|_| self.missing.store(true, Ordering::Release))?;
            for customer in &listing.rows {
                self.publish(customer).await;
            }
            let Some(place) = listing.after else { return Ok(()) };
            slice = Slice::after(place, CHUNK);
        }
    }
}
