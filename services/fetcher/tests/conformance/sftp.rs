//! What only SFTP has: keys of users and of hosts.

use dlcs_db::known_host;
use dlcs_model::FailureCode::{BadCredentials, HostKeyMismatch, OriginForbidden, OriginIncomplete, OriginStatus};
use dlcs_model::RetryClass::Permanent;
use dlcs_model::{Credentials, SftpLogin};
use dlcs_testkit::servers::{HOST, PASSWORD, Sshd, USER};
use fetcher::access::Access;

use crate::site::{Fetcher, Files, sftp_login, whole};

struct Host {
    files: Files,
    sshd: Sshd,
}

impl Host {
    async fn start() -> Self {
        let files = Files::create();
        let sshd = Sshd::start(&files.state("ssh")).await.unwrap();
        Self { files, sshd }
    }

    fn url(&self) -> String {
        format!("sftp://{HOST}:{}{}/whole", self.sshd.port, self.files.root().display())
    }
}

fn with_key(key: String, passphrase: Option<&str>) -> Access {
    let login = SftpLogin::PrivateKey { key: key.into(), passphrase: passphrase.map(Into::into) };
    Access::With(Credentials::Sftp { user: USER.to_owned(), login, host_key: None })
}

fn knowing(host_key: &str) -> Access {
    let login = SftpLogin::Password(PASSWORD.into());
    Access::With(Credentials::Sftp { user: USER.to_owned(), login, host_key: Some(host_key.to_owned()) })
}

#[tokio::test(flavor = "multi_thread")]
async fn private_keys_open_with_their_passphrase_only() {
    let (host, fetcher) = (Host::start().await, Fetcher::new(&[]).await);
    let [open, locked] = [false, true].map(|locked| host.sshd.private_key(locked).unwrap());
    for access in [with_key(open.clone(), None), with_key(locked.clone(), Some("open sesame"))] {
        assert!(crate::site::read(&fetcher.fetch(&host.url(), &access).await.unwrap()) == whole());
    }
    let of_nobody = std::fs::read_to_string(host.files.state("ssh").join("host")).unwrap();
    for (key, passphrase) in
        [(locked.clone(), None), (locked, Some("open")), (of_nobody, None), ("no key at all".to_owned(), None)]
    {
        let failure = fetcher.fetch(&host.url(), &with_key(key, passphrase)).await.unwrap_err();
        assert_eq!((failure.code, failure.class), (BadCredentials, Permanent), "{}", failure.detail);
        assert!(!failure.detail.contains("sesame"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_known_by_its_first_key_until_that_is_forgotten() {
    let (mut host, fetcher) = (Host::start().await, Fetcher::new(&[]).await);
    let access = sftp_login(PASSWORD.into());
    let url = host.url();
    let fetches = (0..8).map(|_| fetcher.fetch(&url, &access));
    for fetched in futures::future::join_all(fetches).await {
        fetched.unwrap();
    }
    let place = known_host::Place { customer: fetcher.customer, host: HOST, port: host.sshd.port };
    let mut conn = fetcher.database.get().await.unwrap();
    let known = known_host::find(&mut conn, &place).await.unwrap();
    assert_eq!(known, Some(host.sshd.host_key().unwrap()));

    host.sshd.change_host_key().await.unwrap();
    let fetcher = fetcher.anew();
    let failure = fetcher.fetch(&host.url(), &access).await.unwrap_err();
    assert_eq!((failure.code, failure.class), (HostKeyMismatch, Permanent), "{}", failure.detail);
    // The strategy's word is stronger than what was seen.
    fetcher.fetch(&host.url(), &knowing(&host.sshd.host_key().unwrap())).await.unwrap();
    known_host::forget(&mut conn, &place).await.unwrap();
    fetcher.fetch(&host.url(), &access).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_has_to_have_the_key_that_the_strategy_names() {
    let (host, fetcher) = (Host::start().await, Fetcher::new(&[]).await);
    for key in [host.sshd.host_key().unwrap(), host.sshd.fingerprint().unwrap()] {
        fetcher.fetch(&host.url(), &knowing(&key)).await.unwrap();
    }
    let other = std::fs::read_to_string(host.files.state("ssh").join("user.pub")).unwrap();
    for key in [other.as_str(), "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
        let failure = fetcher.fetch(&host.url(), &knowing(key)).await.unwrap_err();
        assert_eq!((failure.code, failure.class), (HostKeyMismatch, Permanent), "{}", failure.detail);
    }
    let failure = fetcher.fetch(&host.url(), &knowing("nonsense")).await.unwrap_err();
    assert_eq!(failure.code, BadCredentials);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_user_nothing_is_tried() {
    let fetcher = Fetcher::new(&[]).await;
    let failure = fetcher.fetch("sftp://127.0.0.1:1/x", &Access::Open).await.unwrap_err();
    assert_eq!((failure.code, failure.class), (OriginForbidden, Permanent));
    assert!(failure.detail.contains("origin strategy"), "{}", failure.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_or_not_as_long_as_said_is_refused() {
    let (host, fetcher) = (Host::start().await, Fetcher::new(&[]).await);
    let url = |path: &str| format!("sftp://{HOST}:{}{path}", host.sshd.port);
    let access = sftp_login(PASSWORD.into());
    for (path, code) in [("/dev/zero", OriginStatus), ("/proc/version", OriginIncomplete)] {
        let failure = fetcher.fetch(&url(path), &access).await.unwrap_err();
        assert_eq!(failure.code, code, "{path}: {}", failure.detail);
    }
    std::os::unix::fs::symlink("/etc/shadow", host.files.root().join("link")).unwrap();
    let link = host.url().replace("whole", "link");
    assert_eq!(fetcher.fetch(&link, &access).await.unwrap_err().code, OriginForbidden);
}
