//! One server with files, as the fetcher sees it, and the fetcher.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use clap::{Args, FromArgMatches};
use dlcs_db::{Database, DatabaseSettings, customer};
use dlcs_model::{Credentials, CustomerId, Failure, Origin, SftpLogin};
use dlcs_storage::StorageSettings;
use dlcs_testkit::TestDatabase;
use dlcs_testkit::servers::{Authority, FtpMode, HOST, Nginx, PASSWORD, Proxy, PyFtp, S3, S3_KEYS, Sshd, USER, Vsftpd};
use fetcher::FetchSettings;
use fetcher::access::Access;
use fetcher::origins::{Fetched, Origins};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::SecretString;
use tempfile::TempDir;

/// More than any buffer on the way holds.
pub const WHOLE_BYTES: usize = 3_000_000;
/// The limit of the fetcher in these tests.
const MAX_BYTES: u64 = 5_000_000;
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_');
pub const ODD: &str = "odd näme #1 +%20 [x] (y) 'z' \"q\".jpg";

/// Files that stay as long as the value.
pub struct Files {
    folder: TempDir,
    pub authority: Authority,
}

impl Files {
    pub fn create() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Servers read it as other users.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let files = Self { authority: Authority::create(folder.path()).unwrap(), folder };
        let root = files.root();
        std::fs::create_dir_all(root.join("directory")).unwrap();
        std::fs::create_dir_all(root.join("private")).unwrap();
        for name in ["whole", "directory/inner", ODD, "private/whole", "lies"] {
            std::fs::write(root.join(name), whole()).unwrap();
        }
        std::fs::write(root.join("empty"), "").unwrap();
        std::fs::File::create(root.join("huge")).unwrap().set_len(MAX_BYTES + 1).unwrap();
        std::fs::write(root.join("forbidden"), whole()).unwrap();
        std::fs::set_permissions(root.join("forbidden"), PermissionsExt::from_mode(0o600)).unwrap();
        files
    }

    pub fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    /// A folder for the state of one server.
    pub fn state(&self, name: &str) -> PathBuf {
        let state = self.folder.path().join(name);
        std::fs::create_dir_all(&state).unwrap();
        state
    }
}

/// The bytes of every file that is good: each place can be told from each other.
pub fn whole() -> Vec<u8> {
    (0_u32..).flat_map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()).take(WHOLE_BYTES).collect()
}

/// A server, with what stands between it and the fetcher.
pub struct Site {
    pub scheme: &'static str,
    pub port: u16,
    implicit: bool,
    /// What goes before the name of a file.
    pub prefix: String,
    /// What a good user has.
    pub access: Access,
    /// What somebody has who is nobody.
    pub wrong: Access,
    pub proxy: Proxy,
    pub files: Files,
    _server: Box<dyn Send>,
}

impl Site {
    pub async fn http(scheme: &'static str) -> Self {
        let files = Files::create();
        let nginx = Nginx::start(&files.state("nginx"), &files.root(), &files.authority).await.unwrap();
        let port = if scheme == "https" { nginx.https } else { nginx.http };
        let login = |password| Access::With(Credentials::Basic { user: USER.to_owned(), password });
        Self::new(scheme, port, vec![port], files, nginx).await.with(login)
    }

    pub async fn vsftpd(scheme: &'static str) -> Self {
        let files = Files::create();
        let tls = (scheme == "ftps").then_some(&files.authority);
        let server = Vsftpd::start(&files.state("vsftpd"), &files.root(), tls).await.unwrap();
        Self::new(scheme, server.port, server.ports(), files, server).await.with(ftp_login)
    }

    pub async fn pyftp(scheme: &'static str, mode: FtpMode) -> Self {
        let files = Files::create();
        let address: IpAddr = HOST.parse().unwrap();
        let (state, root) = (files.state("pyftp"), files.root());
        let server = PyFtp::start(&state, &root, (address, mode), &files.authority, None).await.unwrap();
        let site = Self::new(scheme, server.port, server.ports(), files, server).await.with(ftp_login);
        Self { implicit: mode == FtpMode::Implicit, ..site }
    }

    pub async fn sftp() -> Self {
        let files = Files::create();
        let server = Sshd::start(&files.state("ssh")).await.unwrap();
        let prefix = files.root().to_str().unwrap().trim_start_matches('/').to_owned() + "/";
        let site = Self::new("sftp", server.port, vec![server.port], files, server).await.with(sftp_login);
        Self { prefix, ..site }
    }

    pub async fn s3() -> Self {
        let files = Files::create();
        let server = S3::start(&files.state("s3"), &files.root()).await.unwrap();
        let port = server.port;
        let site = Self::new("s3", port, vec![port], files, server).await;
        let (access, wrong) = (s3_login(Proxy::HOST, port, S3_KEYS.1), s3_login(Proxy::HOST, port, "guess"));
        Self { prefix: "masters/".to_owned(), access, wrong, ..site }
    }

    async fn new(scheme: &'static str, port: u16, ports: Vec<u16>, files: Files, server: impl Send + 'static) -> Self {
        let proxy = Proxy::start(&ports).await.unwrap();
        let (prefix, access, wrong) = (String::new(), Access::Open, Access::Open);
        Self { scheme, port, implicit: false, prefix, access, wrong, proxy, files, _server: Box::new(server) }
    }

    fn with(self, login: impl Fn(SecretString) -> Access) -> Self {
        Self { access: login(PASSWORD.into()), wrong: login("guess".into()), ..self }
    }

    /// Where a file is, on the far side of the proxy.
    pub fn url(&self, name: &str) -> String {
        self.url_at(Proxy::HOST, name)
    }

    pub fn url_at(&self, host: &str, name: &str) -> String {
        let path = format!("{}{name}", self.prefix);
        let path = utf8_percent_encode(&path, UNRESERVED);
        // An object has a URL of the web too, which names the server.
        let scheme = if self.scheme == "s3" { "http" } else { self.scheme };
        format!("{scheme}://{host}:{}/{path}", self.port)
    }

    /// What a good user has of the same files elsewhere.
    pub fn access_at(&self, host: &str, port: u16) -> Access {
        if self.scheme == "s3" { s3_login(host, port, S3_KEYS.1) } else { self.access.clone() }
    }

    /// A fetcher that trusts the site's authority, with a host memory of its own.
    pub async fn fetcher(&self, more: &[&str]) -> Fetcher {
        self.fetcher_of(&StorageSettings::folder(Path::new("/nowhere")), more).await
    }

    /// The same, of a system with such a store.
    pub async fn fetcher_of(&self, storage: &StorageSettings, more: &[&str]) -> Fetcher {
        let authority = format!("--fetch-ca-file={}", self.files.authority.certificate.display());
        let implicit = format!("--fetch-implicit-ftps-ports={}", self.implicit_port());
        Fetcher::of(storage, &[&[authority.as_str(), &implicit], more].concat()).await
    }

    pub fn implicit_port(&self) -> u16 {
        if self.implicit { self.port } else { 990 }
    }
}

pub fn ftp_login(password: SecretString) -> Access {
    Access::With(Credentials::Ftp { user: USER.to_owned(), password })
}

pub fn s3_login(host: &str, port: u16, secret: &str) -> Access {
    Access::With(Credentials::S3 {
        access_key_id: S3_KEYS.0.to_owned(),
        secret_access_key: secret.into(),
        session_token: None,
        region: None,
        endpoint: Some(format!("http://{host}:{port}")),
    })
}

pub fn sftp_login(password: SecretString) -> Access {
    let login = SftpLogin::Password(password);
    Access::With(Credentials::Sftp { user: USER.to_owned(), login, host_key: None })
}

/// The fetcher's origins, under limits for tests, for one customer.
pub struct Fetcher {
    pub origins: Origins,
    pub customer: CustomerId,
    pub database: Database,
    work: TempDir,
    _database: TestDatabase,
}

impl Fetcher {
    pub async fn new(more: &[&str]) -> Self {
        Self::of(&StorageSettings::folder(Path::new("/nowhere")), more).await
    }

    async fn of(storage: &StorageSettings, more: &[&str]) -> Self {
        // An error means that a provider is already there, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let server = TestDatabase::create().await.unwrap();
        let database = Database::connect(&DatabaseSettings::at(&server.url())).unwrap();
        database.migrate().await.unwrap();
        let mut conn = database.get().await.unwrap();
        let customer = customer::create(&mut conn, "tester", "Tester", false).await.unwrap().id;
        drop(conn);
        let work = tempfile::tempdir().unwrap();
        let origins = origins(storage, &settings(more), &database, work.path());
        Self { origins, customer, database, work, _database: server }
    }

    /// Without the connections that it has kept.
    pub fn anew(self) -> Self {
        let storage = StorageSettings::folder(Path::new("/nowhere"));
        Self { origins: origins(&storage, &settings(&[]), &self.database, self.work.path()), ..self }
    }

    pub async fn fetch(&self, url: &str, access: &Access) -> Result<Fetched, Failure> {
        self.origins.fetch(&Origin::parse(url).unwrap(), self.customer, access).await
    }

    /// Temporary files that are there.
    pub fn files(&self) -> usize {
        std::fs::read_dir(self.work.path()).unwrap().count()
    }
}

fn origins(storage: &StorageSettings, settings: &FetchSettings, database: &Database, work: &Path) -> Origins {
    Origins::new(settings, storage, database.clone(), work).unwrap()
}

fn settings(more: &[&str]) -> FetchSettings {
    let limit = format!("--fetch-max-bytes={MAX_BYTES}");
    let arguments = [
        "test",
        "--fetch-allow-networks=127.0.0.0/30,::1/128",
        "--fetch-header-seconds=10",
        "--fetch-rate-seconds=1",
        "--fetch-total-seconds=60",
        limit.as_str(),
    ];
    // What is said twice is as the last one says.
    let command = FetchSettings::augment_args(clap::Command::new("test")).args_override_self(true);
    let matches = command.get_matches_from(arguments.iter().chain(more));
    FetchSettings::from_arg_matches(&matches).unwrap()
}

pub fn read(fetched: &Fetched) -> Vec<u8> {
    std::fs::read(fetched.path()).unwrap()
}
