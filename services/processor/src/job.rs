//! One image: staged source → everything that is served of it, published in the transaction that completes the item.

use std::path::Path;
use std::time::Duration;

use dlcs_db::AsyncPgConnection;
use dlcs_db::queue::{self, Claim, CompleteError, Outcome, Publication};
use dlcs_imaging::source::Limits;
use dlcs_model::{Failure, FailureCode, Stage};
use dlcs_storage::{Generation, StorageKey, Store};
use dlcs_worker::{CommitError, Committed, Work};
use tokio::time::timeout;

use crate::make::{Made, Maker};
use crate::sandbox::Decoders;

/// How long the descriptor may take: the image's row is locked meanwhile.
const PUBLISH: Duration = Duration::from_secs(15);

/// Processes items.
pub struct Process {
    maker: Maker,
    store: Store,
}

impl Process {
    /// Ready to process what is in `store`, by way of `work_dir`.
    #[must_use]
    pub fn new(limits: Limits, decoders: Decoders, store: Store, work_dir: &Path) -> Self {
        let maker = Maker::new(store.clone(), work_dir, limits, decoders);
        Self { maker, store }
    }

    async fn publish(&self, claim: &Claim, made: &Made, publication: Publication) -> Result<(), Failure> {
        let key = StorageKey::Descriptor(&claim.image);
        let (name, media_type) = (key.to_string(), key.media_type());
        let body = made.descriptor(generation(claim), publication).map_err(|error| ours(&error))?;
        let put = self.store.put(&name, media_type, body.into());
        match timeout(PUBLISH, put).await {
            Ok(stored) => stored.map_err(|error| ours(&error)),
            Err(error) => Err(ours(&error)),
        }
    }
}

impl Work for Process {
    const STAGE: Stage = Stage::Process;
    const PUBLISHES: bool = true;
    type Output = Made;

    async fn run(&self, claim: &Claim) -> Result<Made, Failure> {
        let Some(staged) = &claim.staged else {
            tracing::error!(batch = %claim.batch, ordinal = claim.ordinal, "nothing was staged");
            return Err(Failure::internal());
        };
        self.maker.make(&staged.key, generation(claim)).await
    }

    async fn commit(&self, conn: &mut AsyncPgConnection, claim: &Claim, made: &Made) -> Result<Committed, CommitError> {
        let publish = |publication| self.publish(claim, made, publication);
        match queue::complete(conn, claim, &made.facts(), publish).await {
            Ok(Outcome::Done | Outcome::AlreadyDone) => {
                Ok(Committed::Done { bytes: made.derived.bytes + made.thumbnail_bytes(), next: None })
            }
            Ok(Outcome::Fenced) => Ok(Committed::Fenced),
            Err(CompleteError::Publish(failure)) => Err(CommitError::Failed(failure)),
            Err(CompleteError::OverQuota(quota)) => {
                Err(CommitError::Refused(Failure::new(FailureCode::QuotaExceeded, quota.to_string())))
            }
            Err(CompleteError::Db(error)) => Err(CommitError::Database(error)),
        }
    }

    async fn discard(&self, claim: &Claim) {
        self.maker.discard(generation(claim)).await;
    }

    async fn tidy(&self, claim: &Claim) {
        let Some(staged) = &claim.staged else { return };
        if let Err(error) = self.store.delete(&staged.key).await {
            tracing::warn!(%error, "staged bytes were left behind");
        }
    }
}

fn generation(claim: &Claim) -> Generation<'_> {
    Generation { image: &claim.image, generation: claim.generation, token: claim.token }
}

fn ours(error: &dyn std::error::Error) -> Failure {
    tracing::error!(%error, "a descriptor cannot be written");
    Failure::internal()
}
