//! The memory that all decoders together may take.

use std::sync::Arc;

use dlcs_model::{Failure, FailureCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

const MEGABYTE: u64 = 1024 * 1024;

/// A budget in megabytes, out of which images take what they weigh for as long as they are worked on.
#[derive(Debug, Clone)]
pub struct Budget {
    megabytes: u32,
    free: Arc<Semaphore>,
}

impl Budget {
    /// A budget of which nothing is taken.
    #[must_use]
    pub fn new(megabytes: u32) -> Self {
        Self { megabytes, free: Arc::new(Semaphore::new(megabytes as usize)) }
    }

    /// The whole budget, in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        u64::from(self.megabytes) * MEGABYTE
    }

    /// Waits until there is so much memory. It is free again when the permit is dropped.
    ///
    /// # Errors
    /// `too-many-pixels` for what would never fit.
    pub async fn take(&self, bytes: u64) -> Result<OwnedSemaphorePermit, Failure> {
        let wanted = u32::try_from(bytes.div_ceil(MEGABYTE)).unwrap_or(u32::MAX);
        if wanted > self.megabytes {
            let detail = format!(
                "decoding the image takes {wanted} MB of memory; the limit is {}. In tiles, or in a format that can be \
                 read in strips, it takes less",
                self.megabytes
            );
            return Err(Failure::new(FailureCode::TooManyPixels, detail));
        }
        let permit = self.free.clone().acquire_many_owned(wanted).await;
        permit.map_err(|error| {
            tracing::error!(%error, "the memory budget is closed");
            Failure::internal()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test]
    async fn what_does_not_fit_waits_or_is_refused() {
        let budget = Budget::new(10);
        let first = budget.take(6 * MEGABYTE - 5).await.unwrap();
        let small = budget.take(4 * MEGABYTE).await.unwrap();
        assert!(timeout(Duration::from_millis(50), budget.take(1)).await.is_err(), "it waits");
        drop(first);
        let _more = budget.take(6 * MEGABYTE).await.unwrap();
        drop(small);
        assert_eq!(budget.take(10 * MEGABYTE + 1).await.unwrap_err().code, FailureCode::TooManyPixels);
    }
}
