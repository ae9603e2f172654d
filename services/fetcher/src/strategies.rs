//! Which of a customer's strategies is for an origin, and what it knows.

use std::sync::Arc;
use std::time::Duration;

use dlcs_db::Database;
use dlcs_db::origin_strategy::{self, Strategy};
use dlcs_model::{Credentials, CustomerId, Failure, Origin, OriginStrategy, Pattern};
use dlcs_vault::{Sealed, Vault};
use moka::future::Cache;
use uuid::Uuid;

use crate::access::Access;

/// How long a strategy that was changed may still be used as it was.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Strategies that are in memory, sealed: a compiled expression takes some kilobytes, or at the worst half a megabyte.
const RULES: u32 = 2_000;

/// All customers' strategies.
#[derive(Clone)]
pub struct Strategies {
    database: Database,
    vault: Arc<Vault>,
    customers: Cache<CustomerId, Arc<Vec<Rule>>>,
}

/// A strategy, ready to be held against origins.
struct Rule {
    id: Uuid,
    pattern: Pattern,
    strategy: OriginStrategy,
    credentials: Option<Sealed>,
}

/// How an origin is approached.
pub struct Chosen {
    /// The customer's strategy that says so, if there is one.
    pub strategy: Option<Uuid>,
    /// As whom.
    pub access: Access,
}

impl Strategies {
    /// The strategies in this database, whose credentials are in this vault.
    #[must_use]
    pub fn new(database: Database, vault: Vault) -> Self {
        let weight = |_: &CustomerId, rules: &Arc<Vec<Rule>>| u32::try_from(rules.len() + 1).unwrap_or(u32::MAX);
        let customers = Cache::builder().max_capacity(RULES.into()).weigher(weight).time_to_live(REMEMBERED).build();
        Self { database, vault: Arc::new(vault), customers }
    }

    /// The first of the customer's strategies that fits and matches.
    ///
    /// # Errors
    /// Our own trouble: no database, or a vault without the key.
    pub async fn choose(&self, customer: CustomerId, origin: &Origin) -> Result<Chosen, Failure> {
        let rules = self.customers.try_get_with(customer, self.load(customer)).await.map_err(|error| {
            tracing::warn!(error = format!("{error:#}"), %customer, "origin strategies cannot be read");
            Failure::internal()
        })?;
        let fits = |rule: &&Rule| rule.strategy.serves(origin.scheme()) && rule.pattern.matches(origin);
        match rules.iter().find(fits) {
            None => Ok(Chosen { strategy: None, access: Access::Open }),
            Some(rule) => Ok(Chosen { strategy: Some(rule.id), access: self.open(customer, rule)? }),
        }
    }

    async fn load(&self, customer: CustomerId) -> anyhow::Result<Arc<Vec<Rule>>> {
        let strategies = origin_strategy::all(&mut *self.database.get().await?, customer).await?;
        // Many expressions take a while to compile.
        let compile = move || strategies.into_iter().filter_map(Rule::new).collect();
        Ok(Arc::new(tokio::task::spawn_blocking(compile).await?))
    }

    fn open(&self, customer: CustomerId, rule: &Rule) -> Result<Access, Failure> {
        let Some(sealed) = &rule.credentials else {
            return Ok(match rule.strategy {
                OriginStrategy::S3Ambient => Access::S3Ambient,
                OriginStrategy::Default
                | OriginStrategy::BasicHttpAuthentication
                | OriginStrategy::S3Credentials
                | OriginStrategy::Ftp
                | OriginStrategy::Sftp => Access::Open,
            });
        };
        let opened = self.vault.open(sealed, &Strategy::place(customer, rule.id)).map_err(|error| {
            tracing::error!(%error, %customer, strategy = %rule.id, "credentials cannot be opened");
            Failure::internal()
        })?;
        Credentials::decode(&opened).map(Access::With).ok_or_else(|| {
            tracing::error!(%customer, strategy = %rule.id, "credentials are of a form that is not known here");
            Failure::internal()
        })
    }
}

impl Rule {
    /// Patterns are checked before they are stored; one that no longer compiles is for nothing.
    fn new(Strategy { id, customer, fields, created: _ }: Strategy) -> Option<Self> {
        match Pattern::new(&fields.regex) {
            Ok(pattern) => Some(Self { id, pattern, strategy: fields.strategy, credentials: fields.credentials }),
            Err(error) => {
                tracing::error!(%error, %customer, strategy = %id, "an origin strategy cannot be used");
                None
            }
        }
    }
}
