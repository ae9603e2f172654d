//! One strategy per protocol. A new protocol is a new file below, a [`source::Source`], and an arm in [`Origins::source`].

mod ftp;
mod http;
mod idle;
mod path;
mod s3;
mod sftp;
mod source;
mod staging;
mod transfer;

use std::path::Path;

use dlcs_db::Database;
use dlcs_model::{Credentials, CustomerId, Failure, Origin, Scheme};
use dlcs_storage::StorageSettings;

pub use staging::Fetched;
pub use transfer::Probed;

use url::Host;

use crate::access::Access;
use crate::hosts::Hosts;
use crate::settings::FetchSettings;
use crate::tls;
use ftp::{Ftp, FtpSource};
use http::{Http, HttpSource, Login};
use s3::{S3, S3Source};
use sftp::{Sftp, SftpSource};
use source::Source;
use staging::Workshop;
use transfer::Transfers;

/// All the ways to get at an origin's bytes.
pub struct Origins {
    hosts: Hosts,
    http: Http,
    s3: S3,
    ftp: Ftp,
    sftp: Sftp,
    transfers: Transfers,
}

impl Origins {
    /// Ready to fetch; known host keys are in `database`, temporary files go to `work_dir`.
    ///
    /// # Errors
    /// If the authorities that the settings name cannot be used.
    pub fn new(
        settings: &FetchSettings,
        storage: &StorageSettings,
        database: Database,
        work_dir: &Path,
    ) -> anyhow::Result<Self> {
        let workshop = Workshop { directory: work_dir.to_owned(), max_bytes: settings.max_bytes };
        Ok(Self {
            hosts: Hosts::new(settings.per_host),
            http: Http::new(settings)?,
            s3: S3::new(settings, storage),
            ftp: Ftp::new(settings, tls::client_config(settings)?),
            sftp: Sftp::new(settings, database),
            transfers: Transfers { settings: settings.clone(), workshop },
        })
    }

    /// Brings the bytes of a customer's origin into a local file.
    ///
    /// # Errors
    /// Why it did not succeed, with the class of retry.
    pub async fn fetch(&self, origin: &Origin, customer: CustomerId, access: &Access) -> Result<Fetched, Failure> {
        let mut source = self.source(origin, customer, access)?;
        let visit = self.hosts.visit(&host(origin)).await?;
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
        let visit = self.hosts.visit(&host(origin)).await?;
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
        let Self { hosts: _, http, s3, ftp, sftp, transfers: _ } = self;
        Ok(match (origin.scheme(), access) {
            (Scheme::S3, _)
            | (Scheme::Http | Scheme::Https, Access::S3Ambient | Access::With(Credentials::S3 { .. })) => {
                Box::new(S3Source::new(http, s3, origin, customer, access)?)
            }
            (Scheme::Http | Scheme::Https, access) => Box::new(HttpSource::new(http, origin.url(), Login::of(access))),
            (Scheme::Ftp | Scheme::Ftps, access) => Box::new(FtpSource::new(ftp, origin, access)?),
            (Scheme::Sftp, access) => Box::new(SftpSource::new(sftp, origin, customer, access)?),
        })
    }
}

/// One name for a host, however it is spelled; only the web's URLs bring that themselves.
fn host(origin: &Origin) -> String {
    let spelled = origin.url().host_str().unwrap_or_default();
    Host::parse(spelled).map_or_else(|_| spelled.to_owned(), |host| host.to_string())
}
