//! Whose key a host has to have: the one that the strategy names, else the one that was seen first.

use std::borrow::Cow;

use dlcs_db::{Database, known_host};
use dlcs_model::{CustomerId, Failure, FailureCode};
use russh::Preferred;
use russh::client::Handler;
use russh::keys::{HashAlg, PublicKey, PublicKeyOrCertificate};

use crate::dial::{broken, unreachable};

/// What a key is remembered for. A customer learns nothing of another's hosts, and cannot have keys pinned for them.
pub(super) struct Place {
    pub(super) database: Database,
    pub(super) customer: CustomerId,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Place {
    fn key(&self) -> known_host::Place<'_> {
        known_host::Place { customer: self.customer, host: &self.host, port: self.port }
    }
}

/// The key that is expected.
pub(super) enum HostKey {
    /// This one.
    Named(Box<PublicKey>),
    /// One with this fingerprint.
    Fingerprint(String),
    /// Whichever comes first, which is remembered.
    First(Place),
}

impl HostKey {
    /// What is expected of a host.
    pub(super) async fn expected(place: Place, named: Option<&str>) -> Result<Self, Failure> {
        if let Some(named) = named {
            return Self::read(named.trim());
        }
        let mut conn = place.database.get().await.map_err(ours)?;
        let known = known_host::find(&mut conn, &place.key()).await.map_err(ours)?;
        drop(conn);
        match known {
            Some(key) => Ok(Self::Named(Box::new(PublicKey::from_openssh(&key).map_err(ours)?))),
            None => Ok(Self::First(place)),
        }
    }

    fn read(named: &str) -> Result<Self, Failure> {
        if named.starts_with("SHA256:") {
            return Ok(Self::Fingerprint(named.trim_end_matches('=').to_owned()));
        }
        let unreadable = |_| {
            let detail = "the host key of the origin strategy is neither \"type base64\" nor \"SHA256:…\"";
            Failure::new(FailureCode::BadCredentials, detail)
        };
        PublicKey::from_openssh(named).map(|key| Self::Named(Box::new(key))).map_err(unreadable)
    }

    /// The algorithms to propose: a host with several keys shall show the one that is expected.
    pub(super) fn preferred(&self) -> Preferred {
        let mut preferred = Preferred::default();
        if let Self::Named(key) = self {
            let mut kinds = preferred.key.into_owned();
            // Stable, so the others stay in their order.
            kinds.sort_by_key(|kind| *kind != key.algorithm());
            preferred.key = Cow::Owned(kinds);
        }
        preferred
    }

    async fn judge(&self, shown: &PublicKey) -> Result<bool, Failure> {
        match self {
            Self::Named(key) => Ok(key.key_data() == shown.key_data()),
            Self::Fingerprint(fingerprint) => Ok(shown.fingerprint(HashAlg::Sha256).to_string() == *fingerprint),
            Self::First(place) => {
                let shown = PublicKey::from(shown.key_data().clone()).to_openssh().map_err(ours)?;
                let mut conn = place.database.get().await.map_err(ours)?;
                // Of two that are first at the same time one is.
                Ok(known_host::pin(&mut conn, &place.key(), &shown).await.map_err(ours)? == shown)
            }
        }
    }
}

impl Handler for HostKey {
    type Error = SshFailure;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, SshFailure> {
        let known = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.judge(key).await?,
            PublicKeyOrCertificate::Certificate(certificate) => {
                self.judge(&PublicKey::from(certificate.public_key().clone())).await?
            }
        };
        if known { Ok(true) } else { Err(mismatch().into()) }
    }
}

fn mismatch() -> Failure {
    let detail = "the origin's host key is not the one that is known; if it was changed on purpose, \
                  give the new one as \"hostKey\" with the origin strategy";
    Failure::new(FailureCode::HostKeyMismatch, detail)
}

fn ours(error: impl std::fmt::Display) -> Failure {
    tracing::error!(%error, "known host keys cannot be used");
    Failure::internal()
}

/// What a failure of the SSH layer means.
#[derive(Debug)]
pub(super) struct SshFailure(Failure);

impl From<Failure> for SshFailure {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl From<SshFailure> for Failure {
    fn from(failure: SshFailure) -> Self {
        failure.0
    }
}

impl From<russh::Error> for SshFailure {
    fn from(error: russh::Error) -> Self {
        Self(failure(&error))
    }
}

/// What came between the connection and the first file.
pub(super) fn failure(error: &russh::Error) -> Failure {
    use russh::Error as Ssh;
    match error {
        Ssh::IO(error) => broken(error),
        Ssh::HUP | Ssh::Disconnect | Ssh::SendError | Ssh::RecvError => {
            Failure::new(FailureCode::OriginUnreachable, "the origin closed the connection")
        }
        Ssh::ConnectionTimeout | Ssh::KeepaliveTimeout | Ssh::InactivityTimeout => unreachable(),
        Ssh::NoCommonAlgo { .. } => {
            Failure::new(FailureCode::OriginStatus, "the origin's SSH server knows no algorithm that is still safe")
        }
        _ => Failure::new(FailureCode::OriginStatus, format!("the origin's SSH server cannot be talked to: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    #[tokio::test]
    async fn a_named_key_is_compared_whole_or_by_its_fingerprint() {
        let shown = PublicKey::from_openssh(KEY).unwrap();
        let fingerprint = shown.fingerprint(HashAlg::Sha256).to_string();
        for named in [KEY.to_owned(), format!("{KEY} a comment"), fingerprint.clone(), format!("{fingerprint}=")] {
            assert!(HostKey::read(&named).unwrap().judge(&shown).await.unwrap(), "{named}");
        }
        let other = KEY.replace("IJdD", "IJdE");
        for named in [other.as_str(), "SHA256:AAAA", &fingerprint[..20]] {
            assert!(!HostKey::read(named).unwrap().judge(&shown).await.unwrap(), "{named}");
        }
    }

    #[test]
    fn what_is_no_key_is_the_strategys_fault() {
        for named in ["", "ssh-ed25519", "ssh-ed25519 ????", "MD5:aa:bb"] {
            assert_eq!(HostKey::read(named).err().unwrap().code, FailureCode::BadCredentials, "{named}");
        }
    }

    #[test]
    fn the_kind_of_the_known_key_is_asked_for_first() {
        let kinds = |key: &str| HostKey::read(key).unwrap().preferred().key.into_owned();
        assert_eq!(kinds(KEY)[0], russh::keys::Algorithm::Ed25519);
        assert_eq!(kinds(KEY).len(), Preferred::default().key.len());
    }
}
