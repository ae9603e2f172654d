//! One strategy per protocol. A new protocol is a new file below and a line in [`Origins::fetch`].

mod http;
mod staging;

use dlcs_model::{Failure, FailureCode, Origin, Scheme};

pub use staging::Fetched;

use crate::settings::FetchSettings;
use http::HttpOrigin;
use staging::Workshop;

/// All the ways to get at an origin's bytes.
pub struct Origins {
    http: HttpOrigin,
    workshop: Workshop,
}

impl Origins {
    /// Ready to fetch; temporary files go to `work_dir`.
    ///
    /// # Errors
    /// If no HTTP client can be made.
    pub fn new(settings: &FetchSettings, work_dir: &std::path::Path) -> anyhow::Result<Self> {
        let workshop = Workshop { directory: work_dir.to_owned(), max_bytes: settings.max_bytes };
        Ok(Self { http: HttpOrigin::new(settings)?, workshop })
    }

    /// Brings the bytes of an origin into a local file. The origin is asked once.
    ///
    /// # Errors
    /// Why it did not succeed, with the class of retry.
    pub async fn fetch(&self, origin: &Origin) -> Result<Fetched, Failure> {
        match origin.scheme() {
            Scheme::Http | Scheme::Https => self.http.fetch(origin, &self.workshop).await,
            Scheme::S3 | Scheme::Ftp | Scheme::Ftps | Scheme::Sftp => {
                let detail = format!("images are not fetched from {} origins yet", origin.scheme());
                Err(Failure::new(FailureCode::OriginStatus, detail))
            }
        }
    }
}
