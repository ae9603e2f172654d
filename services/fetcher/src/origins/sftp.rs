//! `sftp` origins: one file over SSH, from a host whose key is known, read with many requests under way.

mod host_key;
mod login;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use dlcs_db::Database;
use dlcs_model::{Credentials, CustomerId, Failure, FailureCode, Origin, RetryClass, SftpLogin};
use russh::client::{self, Handle};
use russh_sftp::client::error::Error as SftpError;
use russh_sftp::client::fs::File;
use russh_sftp::client::{Config as SftpConfig, SftpSession};
use russh_sftp::protocol::StatusCode;
use secrecy::ExposeSecret;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::idle::{Idle, Key};
use super::path;
use super::source::{Body, Opened, Source};
use crate::access::Access;
use crate::dial::{Dialler, broken, unreachable};
use crate::settings::FetchSettings;
use host_key::{HostKey, Place};

/// Where SSH is spoken if nobody says otherwise.
const PORT: u16 = 22;

/// Reads under way at once, of at most [`PACKET`] bytes each.
const READS: usize = 16;

/// The largest answer; what OpenSSH gives at most.
const PACKET: u32 = 256 * 1024;

/// Bytes that a server may send before we say that we have them; what all reads together bring.
const WINDOW: u32 = 4 * 1024 * 1024;

/// How SFTP is spoken.
pub(super) struct Sftp {
    dialler: Dialler,
    database: Database,
    idle: Idle<Connection>,
}

/// A user who is let in.
struct Connection {
    files: SftpSession,
    /// Ends everything when it is dropped.
    _session: Handle<HostKey>,
}

impl Sftp {
    pub(super) fn new(settings: &FetchSettings, database: Database) -> Self {
        Self { dialler: Dialler::new(settings), database, idle: Idle::new(settings.per_host) }
    }
}

/// One `sftp` origin.
pub(super) struct SftpSource<'a> {
    sftp: &'a Sftp,
    origin: &'a Origin,
    customer: CustomerId,
    user: &'a str,
    login: &'a SftpLogin,
    host_key: Option<&'a str>,
    path: String,
}

impl<'a> SftpSource<'a> {
    /// # Errors
    /// If there are no credentials for it, or its path is none of a file.
    pub(super) fn new(
        sftp: &'a Sftp,
        origin: &'a Origin,
        customer: CustomerId,
        access: &'a Access,
    ) -> Result<Self, Failure> {
        let Access::With(Credentials::Sftp { user, login, host_key }) = access else {
            let detail = "an sftp origin needs a user: no origin strategy has credentials for it";
            return Err(Failure::new(FailureCode::OriginForbidden, detail));
        };
        let path = absolute(path::of(origin.url())?);
        Ok(Self { sftp, origin, customer, user, login, host_key: host_key.as_deref(), path })
    }

    /// What makes a connection one for this source.
    fn key(&self) -> Key {
        let url = self.origin.url();
        let (customer, port) = (self.customer.to_string(), url.port().unwrap_or(PORT).to_string());
        let host_key = self.host_key.unwrap_or_default();
        let place = [customer.as_str(), url.host_str().unwrap_or_default(), &port, host_key, self.user];
        let secrets = match self.login {
            SftpLogin::Password(password) => ["password", password.expose_secret(), ""],
            SftpLogin::PrivateKey { key, passphrase } => {
                ["key", key.expose_secret(), passphrase.as_ref().map_or("", ExposeSecret::expose_secret)]
            }
        };
        Key::of(&[&place[..], &secrets].concat())
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let url = self.origin.url();
        let (host, port) = (url.host_str().unwrap_or_default(), url.port().unwrap_or(PORT));
        let found = self.sftp.dialler.find(host, port).await?;
        let place = Place { database: self.sftp.database.clone(), customer: self.customer, host: found.name(), port };
        let expected = HostKey::expected(place, self.host_key).await?;
        let config = client::Config {
            window_size: WINDOW,
            preferred: expected.preferred(),
            client_id: russh::SshId::Standard(concat!("SSH-2.0-dlcs_fetcher_", env!("CARGO_PKG_VERSION")).into()),
            ..client::Config::default()
        };
        let stream = self.sftp.dialler.connect(&found).await?;
        let mut session = client::connect_stream(Arc::new(config), stream, expected).await?;
        login::log_in(&mut session, self.user, self.login).await?;
        Ok(Connection { files: start(&session).await?, _session: session })
    }

    async fn begin(&self, connection: Connection, key: Key, from: u64) -> Result<Opened, Failure> {
        let (mut file, total, modified) = self.find(&connection.files).await?;
        file.seek(std::io::SeekFrom::Start(from)).await.map_err(|error| broken(&error))?;
        let idle = self.sftp.idle.clone();
        let body = SftpBody { file, buffer: BytesMut::new(), kept: Some((idle, key, connection)) };
        let version = modified.map(|modified| modified.to_string());
        Ok(Opened { body: Box::new(body), from, total, version, media_type: None })
    }

    /// The file, and how long it is, and when it was changed.
    async fn find(&self, files: &SftpSession) -> Result<(File, Option<u64>, Option<u32>), Failure> {
        // Asked first, as opening a directory fails in as many ways as there are servers.
        let metadata = files.metadata(&self.path).await.map_err(|error| refusal(&error))?;
        if metadata.is_dir() {
            return Err(path::directory());
        }
        if metadata.permissions.is_some() && !metadata.is_regular() {
            return Err(Failure::new(FailureCode::OriginStatus, "the origin is not a regular file"));
        }
        let file = files.open(&self.path).await.map_err(|error| refusal(&error))?;
        Ok((file, metadata.size, metadata.mtime))
    }
}

#[async_trait]
impl Source for SftpSource<'_> {
    async fn open(&mut self, from: u64) -> Result<Opened, Failure> {
        let key = self.key();
        if let Some(connection) = self.sftp.idle.take(&key) {
            match self.begin(connection, key, from).await {
                // The server may have ended it in the meantime.
                Err(failure) if failure.class == RetryClass::Transient => {}
                begun => return begun,
            }
        }
        let connection = self.connect().await?;
        self.begin(connection, key, from).await
    }
}

/// Asks for the subsystem.
async fn start(session: &Handle<HostKey>) -> Result<SftpSession, Failure> {
    let none = |_| Failure::new(FailureCode::OriginStatus, "the origin offers no SFTP to this user");
    let channel = session.channel_open_session().await.map_err(none)?;
    channel.request_subsystem(true, "sftp").await.map_err(none)?;
    let config = SftpConfig {
        max_packet_len: PACKET,
        max_concurrent_reads: READS,
        // The engine has an eye on the time.
        request_timeout_secs: Duration::from_secs(3600).as_secs(),
        ..SftpConfig::default()
    };
    let files = SftpSession::new_with_config(channel.into_stream(), config).await;
    files.map_err(|_| Failure::new(FailureCode::OriginStatus, "the origin offers no SFTP to this user"))
}

/// A path of a URL begins at the root, or at the user's home if it begins with `~`.
fn absolute(path: String) -> String {
    match path.strip_prefix("~/") {
        Some(of_home) => of_home.to_owned(),
        None => format!("/{}", path.trim_start_matches('/')),
    }
}

fn refusal(error: &SftpError) -> Failure {
    let status = |code, what: &str| Failure::new(code, format!("the origin says: {what}"));
    match error {
        SftpError::Status(answer) => match answer.status_code {
            StatusCode::NoSuchFile => status(FailureCode::OriginNotFound, "no such file"),
            StatusCode::PermissionDenied => status(FailureCode::OriginForbidden, "permission denied"),
            StatusCode::NoConnection | StatusCode::ConnectionLost => unreachable(),
            StatusCode::Ok
            | StatusCode::Eof
            | StatusCode::Failure
            | StatusCode::BadMessage
            | StatusCode::OpUnsupported => status(FailureCode::OriginStatus, "the file cannot be read"),
        },
        SftpError::IO(_) | SftpError::UnexpectedBehavior(_) => {
            Failure::new(FailureCode::OriginUnreachable, "the connection to the origin broke")
        }
        SftpError::Timeout => Failure::new(FailureCode::OriginTimeout, "the origin did not answer"),
        SftpError::Limited(_) | SftpError::UnexpectedPacket => {
            Failure::new(FailureCode::OriginStatus, "the origin's answer is not valid SFTP")
        }
    }
}

/// A file that is being read. What it is read through stays open as long, and longer if all went well.
struct SftpBody {
    file: File,
    buffer: BytesMut,
    kept: Option<(Idle<Connection>, Key, Connection)>,
}

#[async_trait]
impl Body for SftpBody {
    async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        self.buffer.reserve(PACKET as usize);
        let broke_off = |_| Failure::new(FailureCode::OriginIncomplete, "the transfer broke off");
        if self.file.read_buf(&mut self.buffer).await.map_err(broke_off)? > 0 {
            return Ok(Some(self.buffer.split().freeze()));
        }
        if let Some((idle, key, connection)) = self.kept.take() {
            idle.put(key, connection);
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_begin_at_the_root_or_at_home() {
        assert_eq!(absolute("a/b".to_owned()), "/a/b");
        assert_eq!(absolute("/a/b".to_owned()), "/a/b");
        assert_eq!(absolute("~/a/b".to_owned()), "a/b");
    }
}
