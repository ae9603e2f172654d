//! One whole system for one test: database, virtual host, store, edge and the six processes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use dlcs_testkit::{TestDatabase, TestVhost, eventually};
use serde_json::json;
use tempfile::TempDir;

use crate::edge::Edge;
use crate::process::Process;
use crate::{Client, Origin, ports};

/// The services in the order in which they are started.
pub const SERVICES: [&str; 5] = ["gateway", "status", "fetcher", "processor", "images"];

const ADMIN: (&str, &str) = ("admin-key", "admin-secret-of-the-tests");

/// What seals credentials here: thirty-two bytes that mean nothing.
const VAULT_KEY: &str = "tests:ZGxjcy10ZXN0cy1vbmx5LW5vdC1hLXJlYWwta2V5ISE=\n";

/// Where a world's database and broker are; they may be its own or shared with other tests.
pub struct Servers {
    /// URL of an empty database.
    pub database: String,
    /// URL of an empty virtual host.
    pub amqp: String,
    /// Given back when the world ends.
    pub keep: Vec<Box<dyn std::any::Any + Send>>,
}

impl Servers {
    /// A database and a virtual host on the servers that all tests share.
    ///
    /// # Errors
    /// The servers are not there.
    pub async fn shared() -> anyhow::Result<Self> {
        let (database, vhost) = (TestDatabase::create().await?, TestVhost::create().await?);
        let (url, amqp) = (database.url(), vhost.url());
        Ok(Self { database: url, amqp, keep: vec![Box::new(database), Box::new(vhost)] })
    }
}

/// A running system with one customer, one key and one space.
pub struct World {
    /// The customer's caller.
    pub client: Client,
    /// The administrator's caller.
    pub admin: Client,
    /// The customer's number.
    pub customer: i64,
    /// The space's number.
    pub space: i64,
    /// Where images come from.
    pub origin: Origin,
    /// The image service, without the edge.
    pub images_url: String,
    processes: BTreeMap<String, Process>,
    settings: BTreeMap<String, Vec<(String, String)>>,
    folder: TempDir,
    // Dropped last, after the processes that use them.
    _edge: Edge,
    _servers: Servers,
}

impl World {
    /// Starts a system on the shared servers.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start() -> anyhow::Result<Self> {
        Self::start_on(Servers::shared().await?, &[]).await
    }

    /// Starts a system on given servers, with some settings of its own.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start_on(servers: Servers, extra: &[(&str, &str)]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let edge = Edge::start(folder.path())?;
        std::fs::write(folder.path().join("vault-keys"), VAULT_KEY)?;
        let mut settings = BTreeMap::new();
        for service in SERVICES {
            settings.insert(service.to_owned(), settings_of(service, &edge, &servers, folder.path(), extra)?);
        }
        let client = Client::new(&edge.root)?;
        let mut world = Self {
            admin: client.with_key(ADMIN.0, ADMIN.1),
            client,
            customer: 0,
            space: 0,
            origin: Origin::start().await?,
            images_url: format!("http://127.0.0.1:{}", edge.images),
            processes: BTreeMap::new(),
            settings,
            folder,
            _edge: edge,
            _servers: servers,
        };
        for service in SERVICES {
            world.launch(service)?;
        }
        for service in SERVICES {
            world.ready(service).await?;
        }
        (world.customer, world.client) = world.new_customer("library").await?;
        world.space = world.new_space(&world.client, world.customer, "pages").await?;
        Ok(world)
    }

    /// A further customer with a key.
    ///
    /// # Errors
    /// The API refuses.
    pub async fn new_customer(&self, name: &str) -> anyhow::Result<(i64, Client)> {
        let customer = self.admin.create("/customers", &json!({"name": name, "displayName": name})).await?;
        let id = last_number(&customer["@id"])?;
        let key = self.admin.create(&format!("/customers/{id}/keys"), &json!({})).await?;
        let (key, secret) = (key["key"].as_str().context("no key")?, key["secret"].as_str().context("no secret")?);
        Ok((id, self.admin.with_key(key, secret)))
    }

    /// A further space.
    ///
    /// # Errors
    /// The API refuses.
    pub async fn new_space(&self, client: &Client, customer: i64, name: &str) -> anyhow::Result<i64> {
        let space = client.create(&format!("/customers/{customer}/spaces"), &json!({"name": name})).await?;
        last_number(&space["@id"])
    }

    /// The path of the customer's queue.
    #[must_use]
    pub fn queue(&self) -> String {
        format!("/customers/{}/queue", self.customer)
    }

    /// The path of one of the customer's images.
    #[must_use]
    pub fn image(&self, id: &str) -> String {
        format!("/customers/{}/spaces/{}/images/{id}", self.customer, self.space)
    }

    /// The path of an image's IIIF service.
    #[must_use]
    pub fn iiif(&self, id: &str) -> String {
        format!("/iiif-img/{}/{}/{id}", self.customer, self.space)
    }

    /// Posts a batch of (id, origin) and gives its URL.
    ///
    /// # Errors
    /// It is not accepted.
    pub async fn post(&self, members: &[(String, String)]) -> anyhow::Result<String> {
        let member = |(id, origin): &(String, String)| json!({"space": self.space, "id": id, "origin": origin});
        let members: Vec<_> = members.iter().map(member).collect();
        let batch = self.client.create(&self.queue(), &json!({"@type": "Collection", "member": members})).await?;
        Ok(batch["@id"].as_str().context("a batch has an @id")?.to_owned())
    }

    /// Starts a service's process without waiting for it.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn launch(&mut self, service: &str) -> anyhow::Result<()> {
        let process = Process::start(service, &self.settings[service], &self.log(service))?;
        self.processes.insert(service.to_owned(), process);
        Ok(())
    }

    /// Waits until a service says that it is ready.
    ///
    /// # Errors
    /// It does not; the end of its log is in the message.
    pub async fn ready(&self, service: &str) -> anyhow::Result<()> {
        let admin = self.settings[service].iter().find(|(name, _)| name == "DLCS_ADMIN_LISTEN");
        let url = format!("http://{}/readyz", admin.map(|(_, value)| value.as_str()).unwrap_or_default());
        let probe = async || self.client.bytes(&url).await.ok().filter(|(status, ..)| *status == 200);
        let ready = eventually(&format!("{service} to be ready"), Duration::from_secs(60), probe).await;
        ready.map(drop).with_context(|| format!("{service} logged:\n{}", self.log_tail(service)))
    }

    /// Kills a service as a crash would.
    ///
    /// # Errors
    /// It is not running.
    pub fn kill(&mut self, service: &str) -> anyhow::Result<()> {
        self.processes.get_mut(service).context("no such service")?.kill()
    }

    /// The process of a service.
    ///
    /// # Errors
    /// It was never started.
    pub fn process(&mut self, service: &str) -> anyhow::Result<&mut Process> {
        self.processes.get_mut(service).context("no such service")
    }

    /// The last lines that a service logged.
    #[must_use]
    pub fn log_tail(&self, service: &str) -> String {
        let log = std::fs::read_to_string(self.log(service)).unwrap_or_default();
        let lines: Vec<_> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    fn log(&self, service: &str) -> PathBuf {
        self.folder.path().join(format!("{service}.log"))
    }

    /// The folder of everything that the services wrote: objects, work files, logs.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of the database.
    #[must_use]
    pub fn database(&self) -> &str {
        &self._servers.database
    }

    /// The folder of the object store.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }
}

impl Drop for World {
    /// What the services logged is what one needs when a test fails.
    #[expect(clippy::print_stderr, reason = "a failing test has no other place to say it")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            for service in SERVICES {
                eprintln!("---- {service}\n{}", self.log_tail(service));
            }
        }
    }
}

fn settings_of(
    service: &str,
    edge: &Edge,
    servers: &Servers,
    folder: &Path,
    extra: &[(&str, &str)],
) -> anyhow::Result<Vec<(String, String)>> {
    let mut settings = vec![
        ("DLCS_ADMIN_LISTEN", format!("127.0.0.1:{}", ports::free()?)),
        ("DLCS_STORAGE_URL", format!("file://{}", folder.join("store").display())),
        ("DLCS_LOG_FORMAT", "pretty".to_owned()),
    ];
    // The image service must do with nothing else.
    if service != "images" {
        settings.extend([
            ("DLCS_DATABASE_URL", servers.database.clone()),
            ("DLCS_AMQP_URL", servers.amqp.clone()),
            ("DLCS_PUBLIC_URL", edge.root.clone()),
            ("DLCS_WORK_DIR", folder.join(service).display().to_string()),
            ("DLCS_ADMIN_KEY", ADMIN.0.to_owned()),
            ("DLCS_ADMIN_SECRET", ADMIN.1.to_owned()),
            ("DLCS_FETCH_ALLOW_NETWORKS", "127.0.0.0/8".to_owned()),
            ("DLCS_VAULT_KEY_FILE", folder.join("vault-keys").display().to_string()),
        ]);
    }
    if let Some(port) = edge.port_of(service) {
        settings.push(("DLCS_LISTEN", format!("127.0.0.1:{port}")));
    }
    settings.extend(extra.iter().map(|(name, value)| (*name, (*value).to_owned())));
    Ok(settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn last_number(id: &serde_json::Value) -> anyhow::Result<i64> {
    let id = id.as_str().context("no @id")?;
    let last = id.rsplit('/').next().unwrap_or_default();
    last.parse().with_context(|| format!("{id} does not end with a number"))
}
