//! One fetch: origin → local file → staging.

use std::sync::Arc;

use dlcs_db::AsyncPgConnection;
use dlcs_db::queue::{self, Claim, Staged};
use dlcs_model::{Failure, FailureCode, Origin, Stage};
use dlcs_storage::{StorageKey, Store};
use dlcs_worker::{CommitError, Committed, Work};

use crate::origins::{Fetched, Origins};
use crate::strategies::{Chosen, Strategies};

/// Fetches items.
pub struct Fetch {
    origins: Arc<Origins>,
    strategies: Strategies,
    store: Store,
}

impl Fetch {
    /// Ready to fetch from `origins`, as `strategies` say, into `store`.
    #[must_use]
    pub fn new(origins: Arc<Origins>, strategies: Strategies, store: Store) -> Self {
        Self { origins, strategies, store }
    }
}

impl Work for Fetch {
    const STAGE: Stage = Stage::Fetch;
    type Output = Staged;

    async fn run(&self, claim: &Claim) -> Result<Staged, Failure> {
        let unusable = |error| Failure::new(FailureCode::OriginStatus, format!("the origin is not usable: {error}"));
        let origin = Origin::parse(&claim.origin).map_err(unusable)?;
        let customer = claim.image.customer;
        let Chosen { access, .. } = self.strategies.choose(customer, &origin).await?;
        let fetched = self.origins.fetch(&origin, customer, &access).await?;
        let key = staging(claim);
        if let Err(error) = self.store.put_file(&key.to_string(), key.media_type(), fetched.path()).await {
            tracing::error!(%error, "fetched bytes cannot be staged");
            return Err(Failure::internal());
        }
        let Fetched { bytes, sha256, media_type, .. } = fetched;
        Ok(Staged { key: key.to_string(), bytes, sha256: sha256.to_vec(), media_type })
    }

    async fn commit(
        &self,
        conn: &mut AsyncPgConnection,
        claim: &Claim,
        staged: &Staged,
    ) -> Result<Committed, CommitError> {
        Ok(match queue::fetched(conn, claim, staged).await? {
            Some(next) => Committed::Done { bytes: staged.bytes, next: Some(next) },
            None => Committed::Fenced,
        })
    }

    async fn discard(&self, claim: &Claim) {
        let key = staging(claim).to_string();
        if let Err(error) = self.store.delete(&key).await {
            tracing::warn!(%error, "staged bytes were left behind");
        }
    }

    async fn tidy(&self, _claim: &Claim) {}
}

fn staging(claim: &Claim) -> StorageKey<'static> {
    StorageKey::Staging { batch: claim.batch, ordinal: claim.ordinal, token: claim.token }
}
