//! `ftp` and `ftps` origins: one file by passive transfer, to a data port of the very host that the control connection
//! goes to. TLS is explicit (AUTH TLS), or implicit on the ports that the operator names, and covers data as well.

mod body;
mod replies;

use std::sync::Arc;

use async_trait::async_trait;
use dlcs_model::{Credentials, Failure, FailureCode, Origin, RetryClass, Scheme};
use rustls::ClientConfig;
use secrecy::ExposeSecret;
use suppaftp::tokio::{AsyncRustlsConnector, AsyncRustlsFtpStream, AsyncRustlsStream, TransferStream};
use suppaftp::types::FileType;
use suppaftp::{FtpError, FtpResult, Mode, Status};
use tokio_rustls::TlsConnector;

use super::idle::{Idle, Key};
use super::path;
use super::source::{Opened, Source};
use crate::access::Access;
use crate::dial::{Dialler, Found, broken, unreachable};
use crate::settings::FetchSettings;
use body::FtpBody;
use replies::Step;

/// Where FTP is spoken if nobody says otherwise; FTPS too, as TLS begins after the greeting.
const PORT: u16 = 21;

/// How FTP is spoken.
pub(super) struct Ftp {
    dialler: Dialler,
    tls: Arc<ClientConfig>,
    implicit_ports: Vec<u16>,
    idle: Idle<AsyncRustlsFtpStream>,
    /// The password of an anonymous user, by which the owner of a server can find out who fetches.
    contact: String,
}

impl Ftp {
    pub(super) fn new(settings: &FetchSettings, tls: Arc<ClientConfig>) -> Self {
        Self {
            dialler: Dialler::new(settings),
            tls,
            implicit_ports: settings.implicit_ftps_ports.0.clone(),
            idle: Idle::new(settings.per_host),
            contact: settings.contact_url.chars().filter(|c| !c.is_control()).collect(),
        }
    }

    fn connector(&self) -> AsyncRustlsConnector {
        TlsConnector::from(self.tls.clone()).into()
    }

    /// To where a server expects TLS from the first byte on.
    async fn connect_implicit(&self, found: &Found) -> Result<AsyncRustlsFtpStream, Failure> {
        let (name, mut client) = (found.name(), Err(unreachable()));
        for address in found.addresses() {
            let connected = AsyncRustlsFtpStream::connect_secure_implicit(address, self.connector(), &name);
            client = connected.await.map_err(|error| replies::failure(&error, Step::Secure));
            if client.is_ok() {
                break;
            }
        }
        let mut client = client?;
        for command in ["PBSZ 0", "PROT P"] {
            let answer = client.custom_command(command, &[Status::CommandOk]).await;
            answer.map_err(|error| replies::failure(&error, Step::Secure))?;
        }
        Ok(client)
    }

    async fn connect_plain(&self, found: &Found) -> Result<AsyncRustlsFtpStream, Failure> {
        let client = AsyncRustlsFtpStream::connect_with_stream(self.dialler.connect(found).await?).await;
        client.map_err(|error| replies::failure(&error, Step::Greeting))
    }

    /// Data comes from the host that control goes to, whatever address the server names.
    async fn passive(&self, client: AsyncRustlsFtpStream, found: Found) -> Result<AsyncRustlsFtpStream, Failure> {
        let peer = client.get_ref().await.peer_addr().map_err(|error| broken(&error))?.ip();
        let dialler = self.dialler.clone();
        let mut client = client.passive_stream_builder(move |named| {
            let (dialler, found) = (dialler.clone(), found.clone());
            Box::pin(async move {
                let connected = dialler.connect_again(&found, peer, named.port()).await;
                connected.map_err(|failure| FtpError::ConnectionError(std::io::Error::other(failure)))
            })
        });
        client.set_mode(if peer.is_ipv4() { Mode::Passive } else { Mode::ExtendedPassive });
        Ok(client)
    }
}

/// One `ftp` or `ftps` origin.
pub(super) struct FtpSource<'a> {
    ftp: &'a Ftp,
    origin: &'a Origin,
    access: &'a Access,
    path: String,
}

impl<'a> FtpSource<'a> {
    /// # Errors
    /// If the origin's path is none of a file.
    pub(super) fn new(ftp: &'a Ftp, origin: &'a Origin, access: &'a Access) -> Result<Self, Failure> {
        Ok(Self { ftp, origin, access, path: path::of(origin.url())? })
    }

    async fn connect(&self) -> Result<AsyncRustlsFtpStream, Failure> {
        let Self { ftp, origin, .. } = self;
        let secure = origin.scheme() == Scheme::Ftps;
        let port = origin.url().port().unwrap_or(PORT);
        let found = ftp.dialler.find(origin.url().host_str().unwrap_or_default(), port).await?;
        let client = if secure && ftp.implicit_ports.contains(&port) {
            ftp.connect_implicit(&found).await?
        } else if secure {
            let secured = ftp.connect_plain(&found).await?.into_secure(ftp.connector(), &found.name()).await;
            secured.map_err(|error| replies::failure(&error, Step::Secure))?
        } else {
            ftp.connect_plain(&found).await?
        };
        ftp.passive(client, found).await
    }

    async fn log_in(&self, client: &mut AsyncRustlsFtpStream) -> Result<(), Failure> {
        let (step, answer) = match self.access {
            Access::With(Credentials::Ftp { user, password }) => {
                (Step::Login, client.login(user.as_str(), password.expose_secret()).await)
            }
            Access::Open | Access::S3Ambient | Access::With(_) => {
                (Step::Anonymous, client.login("anonymous", &self.ftp.contact).await)
            }
        };
        answer.map_err(|error| replies::failure(&error, step))?;
        // Otherwise bytes that look like ends of lines are changed.
        client.transfer_type(FileType::Binary).await.map_err(|error| replies::failure(&error, Step::Transfer))
    }

    /// What makes a connection one for this source.
    fn key(&self) -> Key {
        let url = self.origin.url();
        let place =
            [url.scheme(), url.host_str().unwrap_or_default(), &url.port().unwrap_or(PORT).to_string()].join(" ");
        match self.access {
            Access::With(Credentials::Ftp { user, password }) => Key::of(&[&place, user, password.expose_secret()]),
            Access::Open | Access::S3Ambient | Access::With(_) => Key::of(&[&place]),
        }
    }

    async fn begin(&self, mut client: AsyncRustlsFtpStream, key: Key, from: u64) -> Result<Opened, Failure> {
        let total = told(client.size(&self.path).await)?.and_then(|size| u64::try_from(size).ok());
        let modified = told(client.mdtm(&self.path).await)?;
        let (from, stream) = match self.retrieve(&mut client, from).await {
            Ok(begun) => begun,
            Err(error) => return Err(self.refusal(&mut client, &error, total.is_some()).await),
        };
        let idle = self.ftp.idle.clone();
        let body = FtpBody::new(stream, move || idle.put(key, client));
        let version = modified.map(|modified| modified.to_string());
        Ok(Opened { body: Box::new(body), from, total, version, media_type: None })
    }

    /// The data from `from` on, or from 0 if the server cannot begin elsewhere.
    async fn retrieve(
        &self,
        client: &mut AsyncRustlsFtpStream,
        from: u64,
    ) -> FtpResult<(u64, TransferStream<AsyncRustlsStream>)> {
        let offset = usize::try_from(from).unwrap_or(0);
        client.resume_transfer(offset).await?;
        match client.retr_as_stream(&self.path).await {
            Ok(stream) => Ok((offset as u64, stream)),
            Err(error) if offset > 0 && replies::is_unsupported(&error) => {
                Ok((0, client.retr_as_stream(&self.path).await?))
            }
            Err(error) => Err(error),
        }
    }

    /// Why there is no file: many servers have one reply for what is missing, what is not for us, and a directory.
    async fn refusal(&self, client: &mut AsyncRustlsFtpStream, error: &FtpError, has_size: bool) -> Failure {
        let failure = replies::failure(error, Step::Transfer);
        if failure.code != FailureCode::OriginNotFound {
            return failure;
        }
        match client.cwd(&self.path).await {
            Ok(()) => path::directory(),
            Err(_) if has_size => {
                Failure::new(FailureCode::OriginForbidden, "the origin does not let the file be read")
            }
            Err(_) => failure,
        }
    }
}

#[async_trait]
impl Source for FtpSource<'_> {
    async fn open(&mut self, from: u64) -> Result<Opened, Failure> {
        let key = self.key();
        if let Some(client) = self.ftp.idle.take(&key) {
            match self.begin(client, key, from).await {
                // The server may have ended it in the meantime.
                Err(failure) if failure.class == RetryClass::Transient => {}
                begun => return begun,
            }
        }
        let mut client = self.connect().await?;
        self.log_in(&mut client).await?;
        self.begin(client, key, from).await
    }
}

/// What a server may leave unsaid: not all know the commands for it.
fn told<T>(answer: FtpResult<T>) -> Result<Option<T>, Failure> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(FtpError::UnexpectedResponse(_) | FtpError::BadResponse) => Ok(None),
        Err(error) => Err(replies::failure(&error, Step::Transfer)),
    }
}
