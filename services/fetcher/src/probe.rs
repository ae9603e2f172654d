//! Answers whether an origin could be read, as a fetch of it would.

use std::sync::Arc;

use dlcs_messages::{Found, Probe, Probed};
use dlcs_model::{Failure, FailureCode, Origin};

use crate::origins::{self, Origins};
use crate::strategies::{Chosen, Strategies};

/// Probes answered at the same time.
pub(crate) const TOGETHER: u16 = 4;

/// Looks at origins for whoever asks.
#[derive(Clone)]
pub(crate) struct Prober {
    pub(crate) origins: Arc<Origins>,
    pub(crate) strategies: Strategies,
}

impl Prober {
    pub(crate) async fn answer(self, Probe { customer, origin }: Probe) -> Probed {
        let failed = |Failure { code, detail, .. }| Found::Failed { code, detail };
        let origin = match Origin::parse(&origin) {
            Ok(origin) => origin,
            Err(error) => {
                let failure = Failure::new(FailureCode::OriginStatus, format!("the origin is not usable: {error}"));
                return Probed { strategy: None, found: failed(failure) };
            }
        };
        let Chosen { strategy, access } = match self.strategies.choose(customer, &origin).await {
            Ok(chosen) => chosen,
            Err(failure) => return Probed { strategy: None, found: failed(failure) },
        };
        let found = match self.origins.probe(&origin, customer, &access).await {
            Ok(origins::Probed { bytes, media_type }) => Found::Readable { bytes, media_type },
            Err(failure) => failed(failure),
        };
        Probed { strategy, found }
    }
}
