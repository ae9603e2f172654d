//! Whom we trust: the authorities of the system, and those of the operator.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

use crate::settings::FetchSettings;

/// The operator's authorities; none without a file.
///
/// # Errors
/// If the file cannot be read or holds no certificate.
pub(crate) fn authorities(settings: &FetchSettings) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let Some(file) = &settings.ca_file else { return Ok(Vec::new()) };
    read(file).with_context(|| format!("the certificates of {} cannot be used", file.display()))
}

fn read(file: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_file_iter(file)?.collect::<Result<Vec<_>, _>>()?;
    anyhow::ensure!(!certificates.is_empty(), "there is none in it");
    Ok(certificates)
}

/// How TLS is spoken where it is not HTTP's.
///
/// # Errors
/// If the authorities cannot be used.
pub(crate) fn client_config(settings: &FetchSettings) -> anyhow::Result<Arc<ClientConfig>> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(authorities(settings)?, provider.clone())?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(read(file.path()).unwrap_err().to_string().contains("none"));
        assert!(read(Path::new("/no/such/file")).is_err());
    }
}
