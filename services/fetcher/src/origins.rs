//! One strategy per protocol. A new protocol is a new file below, a [`source::Source`], and an arm in [`Origins::source`].

mod http;
mod s3;
mod source;
mod staging;
mod transfer;

use std::path::Path;

use dlcs_model::{Credentials, CustomerId, Failure, FailureCode, Origin, Scheme};
use dlcs_storage::StorageSettings;

pub use staging::Fetched;
pub use transfer::Probed;

use crate::access::Access;
use crate::hosts::Hosts;
use crate::settings::FetchSettings;
use http::{Http, HttpSource, Login};
use s3::{S3, S3Source};
use source::Source;
use staging::Workshop;
use transfer::Transfers;

/// All the ways to get at an origin's bytes.
pub struct Origins {
    hosts: Hosts,
    http: Http,
    s3: S3,
    transfers: Transfers,
}

impl Origins {
    /// Ready to fetch; temporary files go to `work_dir`.
    ///
    /// # Errors
    /// If no HTTP client can be made.
    pub fn new(settings: &FetchSettings, storage: &StorageSettings, work_dir: &Path) -> anyhow::Result<Self> {
        let workshop = Workshop { directory: work_dir.to_owned(), max_bytes: settings.max_bytes };
        Ok(Self {
            hosts: Hosts::new(settings.per_host),
            http: Http::new(settings)?,
            s3: S3::new(settings, storage),
            transfers: Transfers { settings: settings.clone(), workshop },
        })
    }

    /// Brings the bytes of a customer's origin into a local file.
    ///
    /// # Errors
    /// Why it did not succeed, with the class of retry.
    pub async fn fetch(&self, origin: &Origin, customer: CustomerId, access: &Access) -> Result<Fetched, Failure> {
        let mut source = self.source(origin, customer, access)?;
        let visit = self.hosts.visit(host(origin)).await?;
        let fetched = self.transfers.fetch(source.as_mut()).await;
        visit.ended(fetched.as_ref().err().filter(|_| !source.is_elsewhere()));
        fetched
    }

    /// Whether the first bytes of a customer's origin can be read. They are forgotten again.
    ///
    /// # Errors
    /// Why they cannot.
    pub async fn probe(&self, origin: &Origin, customer: CustomerId, access: &Access) -> Result<Probed, Failure> {
        let mut source = self.source(origin, customer, access)?;
        let visit = self.hosts.visit(host(origin)).await?;
        let probed = self.transfers.probe(source.as_mut()).await;
        visit.ended(probed.as_ref().err().filter(|_| !source.is_elsewhere()));
        probed
    }

    fn source<'a>(
        &'a self,
        origin: &'a Origin,
        customer: CustomerId,
        access: &'a Access,
    ) -> Result<Box<dyn Source + 'a>, Failure> {
        let Self { http, s3, .. } = self;
        Ok(match (origin.scheme(), access) {
            (Scheme::S3, _)
            | (Scheme::Http | Scheme::Https, Access::S3Ambient | Access::With(Credentials::S3 { .. })) => {
                Box::new(S3Source::new(http, s3, origin, customer, access)?)
            }
            (Scheme::Http | Scheme::Https, access) => Box::new(HttpSource::new(http, origin.url(), Login::of(access))),
            (Scheme::Ftp | Scheme::Ftps | Scheme::Sftp, _) => {
                let detail = format!("images are not fetched from {} origins yet", origin.scheme());
                return Err(Failure::new(FailureCode::OriginStatus, detail));
            }
        })
    }
}

fn host(origin: &Origin) -> &str {
    origin.url().host_str().unwrap_or_default()
}
