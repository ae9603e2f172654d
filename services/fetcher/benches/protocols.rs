//! What fetching costs beside curl: 500 files of 2 MB by every protocol, eight at a time, in turn and in three rounds; and
//! what a host that stands still costs the images of another.
//!
//! `./deploy/local/test --workspace --bench protocols`, as root, with curl installed. Prints, and asserts nothing.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark ends at the first surprise, and prints")]

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::{Args, FromArgMatches};
use dlcs_db::{Database, DatabaseSettings, customer};
use dlcs_model::{Credentials, CustomerId, Origin, RetryClass, SftpLogin};
use dlcs_storage::{Presigner, S3Keys, StorageSettings};
use dlcs_testkit::TestDatabase;
use dlcs_testkit::servers::{Authority, HOST, Nginx, PASSWORD, S3, S3_KEYS, Sshd, USER, Vsftpd};
use fetcher::FetchSettings;
use fetcher::access::Access;
use fetcher::origins::Origins;
use tokio::net::TcpListener;

const FILES: usize = 500;
const BYTES: usize = 2_000_000;
const AT_ONCE: usize = 8;
/// The slots of a fetcher as it is delivered.
const SLOTS: usize = 16;
const ROUNDS: usize = 3;
const BUCKET: &str = "masters";

/// A server, as we and as curl are told of it.
struct Site {
    name: &'static str,
    root: String,
    access: Access,
    curl: Vec<String>,
    /// Of S3: curl is given signed URLs.
    signer: Option<Presigner>,
}

struct Servers {
    nginx: Nginx,
    ftp: Vsftpd,
    ftps: Vsftpd,
    ssh: Sshd,
    s3: S3,
}

impl Servers {
    fn sites(&self, root: &Path, authority: &Authority) -> [Site; 6] {
        let Self { nginx, ftp, ftps, ssh, s3 } = self;
        let at = |scheme: &str, port: u16| format!("{scheme}://{HOST}:{port}");
        let trust = ["--cacert".to_owned(), authority.certificate.display().to_string()];
        let login = ["--user".to_owned(), format!("{USER}:{PASSWORD}")];
        let secure = [&login[..], &trust, &["--ssl-reqd".to_owned()]].concat();
        let unknown = [&login[..], &["--insecure".to_owned()]].concat();
        let by_ftp = || Access::With(Credentials::Ftp { user: USER.to_owned(), password: PASSWORD.into() });
        let by_ssh = Access::With(Credentials::Sftp {
            user: USER.to_owned(),
            login: SftpLogin::Password(PASSWORD.into()),
            host_key: None,
        });
        let endpoint = at("http", s3.port);
        let secret = S3_KEYS.1.into();
        let keys = S3Keys { access_key_id: S3_KEYS.0, secret_access_key: &secret, session_token: None };
        let signer = Some(Presigner::with_keys(&keys, "us-east-1", Some(&endpoint)));
        let bucket = format!("{endpoint}/{BUCKET}");
        let by_s3 = Access::With(Credentials::S3 {
            access_key_id: S3_KEYS.0.to_owned(),
            secret_access_key: S3_KEYS.1.into(),
            session_token: None,
            region: None,
            endpoint: Some(endpoint),
        });
        let site = |name, root, access, curl| Site { name, root, access, curl, signer: None };
        [
            site("http", at("http", nginx.http), Access::Open, Vec::new()),
            site("https", at("https", nginx.https), Access::Open, trust.to_vec()),
            site("ftp", at("ftp", ftp.port), by_ftp(), login.to_vec()),
            site("ftps", at("ftps", ftps.port), by_ftp(), secure),
            site("sftp", at("sftp", ssh.port) + &root.display().to_string(), by_ssh, unknown),
            Site { signer, ..site("s3", bucket, by_s3, Vec::new()) },
        ]
    }
}

#[derive(Clone)]
struct Fetcher {
    origins: Arc<Origins>,
    customer: CustomerId,
}

#[tokio::main]
async fn main() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let (authority, root) = (Authority::create(folder.path()).unwrap(), folder.path().join("root"));
    std::fs::create_dir_all(root.join("private")).unwrap();
    let bytes: Vec<u8> = (0..BYTES / 4).flat_map(|n| (n as u32).wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    for number in 0..FILES {
        std::fs::write(root.join(number.to_string()), &bytes).unwrap();
    }
    let state = |name: &str| {
        let state = folder.path().join(name);
        std::fs::create_dir_all(&state).unwrap();
        state
    };
    let servers = Servers {
        nginx: Nginx::start(&state("nginx"), &root, &authority).await.unwrap(),
        ftp: Vsftpd::start(&state("ftp"), &root, None).await.unwrap(),
        ftps: Vsftpd::start(&state("ftps"), &root, Some(&authority)).await.unwrap(),
        ssh: Sshd::start(&state("ssh")).await.unwrap(),
        s3: S3::start(&state("s3"), &root).await.unwrap(),
    };
    let sites = servers.sites(&root, &authority);
    let server = TestDatabase::create().await.unwrap();
    let work = tempfile::tempdir_in(folder.path()).unwrap();
    let fetcher = fetcher(&server, &authority, work.path()).await;
    println!(
        "{FILES} files of {BYTES} bytes, {AT_ONCE} at a time: seconds of ours and of curl, the best of {ROUNDS} rounds"
    );
    for site in &sites {
        let (mut ours, mut curls) = (f64::MAX, f64::MAX);
        for _ in 0..ROUNDS {
            ours = ours.min(fetch_all(&fetcher, site).await);
            curls = curls.min(curl_all(site, folder.path()).await);
        }
        println!("{:>6}  {ours:6.2}  {curls:6.2}  {:.2}x", site.name, ours / curls);
    }
    neighbours(&fetcher, &sites[0]).await;
}

async fn fetcher(server: &TestDatabase, authority: &Authority, work: &Path) -> Fetcher {
    let database = Database::connect(&DatabaseSettings::at(&server.url())).unwrap();
    database.migrate().await.unwrap();
    let mut conn = database.get().await.unwrap();
    let customer = customer::create(&mut conn, "bench", "Bench", false).await.unwrap().id;
    drop(conn);
    let trusted = format!("--fetch-ca-file={}", authority.certificate.display());
    let arguments = ["bench", "--fetch-allow-networks=127.0.0.0/8", &trusted];
    let matches = FetchSettings::augment_args(clap::Command::new("bench")).get_matches_from(arguments);
    let settings = FetchSettings::from_arg_matches(&matches).unwrap();
    let origins = Origins::new(&settings, &StorageSettings::folder(Path::new("/nowhere")), database, work).unwrap();
    Fetcher { origins: Arc::new(origins), customer }
}

/// Seconds to fetch all files of a site.
async fn fetch_all(fetcher: &Fetcher, site: &Site) -> f64 {
    let urls = (0..FILES).map(|number| format!("{}/{number}", site.root)).collect();
    let begun = Instant::now();
    let fetched = work_off(fetcher, &site.access, urls, AT_ONCE, FILES).await;
    assert_eq!(fetched, FILES, "{}", site.name);
    begun.elapsed().as_secs_f64()
}

/// Fetches with so many slots until so many are there; what is sent away comes back after its time.
async fn work_off(fetcher: &Fetcher, access: &Access, urls: VecDeque<String>, slots: usize, enough: usize) -> usize {
    let (queue, fetched) = (Arc::new(Mutex::new(urls)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..slots {
        let (fetcher, access, queue, fetched) = (fetcher.clone(), access.clone(), queue.clone(), fetched.clone());
        tasks.spawn(async move {
            while fetched.load(Relaxed) < enough {
                let Some(url) = queue.lock().unwrap().pop_front() else { break };
                let origin = Origin::parse(&url).unwrap();
                match fetcher.origins.fetch(&origin, fetcher.customer, &access).await {
                    Ok(_) => _ = fetched.fetch_add(1, Relaxed),
                    Err(failure) if failure.class == RetryClass::Waits => {
                        let (queue, after) = (queue.clone(), failure.retry_after.unwrap_or_default());
                        tokio::spawn(async move {
                            tokio::time::sleep(after).await;
                            queue.lock().unwrap().push_back(url);
                        });
                    }
                    Err(failure) => println!("{url}: {failure:?}"),
                }
            }
        });
    }
    while fetched.load(Relaxed) < enough && !tasks.is_empty() {
        tokio::time::timeout(Duration::from_millis(20), tasks.join_next()).await.ok();
    }
    tasks.abort_all();
    fetched.load(Relaxed)
}

/// The same by as many curls, each with its part of the files, into files of the same file system.
async fn curl_all(site: &Site, folder: &Path) -> f64 {
    let into = tempfile::tempdir_in(folder).unwrap();
    let urls = site.curl_urls().await;
    let lists: Vec<_> = (0..AT_ONCE).map(|part| into.path().join(format!("list-{part}"))).collect();
    for (part, list) in lists.iter().enumerate() {
        let mut text = String::new();
        for (number, url) in urls.iter().enumerate().skip(part).step_by(AT_ONCE) {
            writeln!(text, "url = \"{url}\"\noutput = \"{}/{number}\"", into.path().display()).unwrap();
        }
        std::fs::write(list, text).unwrap();
    }
    let begun = Instant::now();
    let curl = |list| Command::new("curl").args(["-sS", "--fail"]).args(&site.curl).arg("--config").arg(list).spawn();
    let curls: Vec<_> = lists.iter().map(|list| curl(list).unwrap()).collect();
    for mut curl in curls {
        assert!(curl.wait().unwrap().success(), "curl, {}", site.name);
    }
    begun.elapsed().as_secs_f64()
}

impl Site {
    /// What curl is told to fetch.
    async fn curl_urls(&self) -> Vec<String> {
        // Explicit TLS is what we mean by `ftps` on a port of its own, and curl by `ftp` with a flag.
        let root = self.root.replace("ftps://", "ftp://");
        let mut urls = Vec::new();
        for number in 0..FILES {
            urls.push(match &self.signer {
                Some(signer) => signer.get(BUCKET, &number.to_string()).await.unwrap().url,
                None => format!("{root}/{number}"),
            });
        }
        urls
    }
}

/// A good host's files alone, and each behind one of a host that accepts connections and says nothing.
async fn neighbours(fetcher: &Fetcher, site: &Site) {
    let silent = TcpListener::bind(("127.0.0.2", 0)).await.unwrap();
    let port = silent.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Ok((stream, _)) = silent.accept().await {
            held.push(stream);
        }
    });
    // Long enough for a throughput: that a host stands still shows after a second, once.
    const MANY: usize = 10 * FILES;
    let good = || (0..MANY).map(|number| format!("{}/{}", site.root, number % FILES));
    let mixed = good().enumerate().flat_map(|(number, url)| [format!("http://127.0.0.2:{port}/{number}"), url]);
    let begun = Instant::now();
    work_off(fetcher, &site.access, good().collect(), SLOTS, MANY).await;
    let alone = begun.elapsed().as_secs_f64();
    let begun = Instant::now();
    let fetched = work_off(fetcher, &site.access, mixed.collect(), SLOTS, MANY).await;
    let beside = begun.elapsed().as_secs_f64();
    println!(
        "{fetched} files of a good host with {SLOTS} slots: {alone:.2} s; beside a silent host {beside:.2} s: {:.0} %",
        100.0 * alone / beside
    );
}
