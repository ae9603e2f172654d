//! A gateway in this process, on servers of its own, with a customer, a key and a space.

use clap::Parser;
use dlcs_broker::{Broker, BrokerSettings, answer_probes};
use dlcs_db::{Connection, Database, DatabaseSettings};
use dlcs_messages::{Probe, Probed};
use dlcs_service::Context;
use dlcs_testkit::{Client, Served, TestDatabase, TestVhost};
pub use dlcs_testkit::{Key, PUBLIC, Reply};
use gateway::Settings;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;

const ADMIN: (&str, &str) = ("admin-key", "admin-secret");

pub struct World {
    pub http: reqwest::Client,
    pub root: String,
    pub customer: i64,
    pub key: Key,
    pub store: TempDir,
    /// Where the gateway has its temporary files.
    pub work: TempDir,
    pub client: Client,
    // Ends before the servers it needs.
    _served: Served,
    database: Option<TestDatabase>,
    _vhost: TestVhost,
}

impl World {
    pub async fn start(extra: &[&str]) -> Self {
        let (database, vhost) = (TestDatabase::create().await.unwrap(), TestVhost::create().await.unwrap());
        let (store, work) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (url, amqp, folder) = (database.url(), vhost.url(), format!("file://{}", store.path().display()));
        let arguments = ["gateway", "--database-url", &url, "--amqp-url", &amqp, "--storage-url", &folder];
        let work_dir = format!("--work-dir={}", work.path().display());
        let admin = [work_dir.as_str(), "--public-url", PUBLIC, "--admin-key", ADMIN.0, "--admin-secret", ADMIN.1];
        let settings = Settings::parse_from(arguments.into_iter().chain(admin).chain(extra.iter().copied()));
        let context = Context::detached("gateway");
        let shutdown = context.shutdown.clone();
        let run = |listener| gateway::start_on(listener, settings, context);
        let served = Served::start(run, move || shutdown.cancel()).unwrap();
        let client = Client::new(served.root()).unwrap();
        let mut world = Self {
            http: client.http.clone(),
            root: client.root.clone(),
            customer: 0,
            key: Key(ADMIN.0.to_owned(), ADMIN.1.to_owned()),
            store,
            work,
            client,
            _served: served,
            database: Some(database),
            _vhost: vhost,
        };
        (world.customer, world.key) = world.new_customer("library").await;
        world.create(&world.key, "/spaces", &json!({"name": "pages"})).await;
        world
    }

    pub fn admin(&self) -> Key {
        Key(ADMIN.0.to_owned(), ADMIN.1.to_owned())
    }

    pub async fn new_customer(&self, name: &str) -> (i64, Key) {
        let admin = self.admin();
        let body = json!({"name": name, "displayName": "A library"});
        let created = self.send(self.request(Method::POST, "/customers", &admin).json(&body)).await;
        assert_eq!(created.status, 201, "{}", created.json);
        let id: i64 = created.json["@id"].as_str().unwrap().rsplit('/').next().unwrap().parse().unwrap();
        let key = self.send(self.request(Method::POST, &format!("/customers/{id}/keys"), &admin)).await;
        assert_eq!(key.status, 201, "{}", key.json);
        let text = |name: &str| key.json[name].as_str().unwrap().to_owned();
        (id, Key(text("key"), text("secret")))
    }

    /// A request to a path; below the customer's own if it does not begin with `/customers`.
    pub fn request(&self, method: Method, path: &str, key: &Key) -> RequestBuilder {
        let path = if path.starts_with("/customers") { path.to_owned() } else { self.path(path) };
        self.client.request(method, &path, key)
    }

    /// A path below the customer's.
    pub fn path(&self, path: &str) -> String {
        format!("/customers/{}{path}", self.customer)
    }

    pub async fn send(&self, request: RequestBuilder) -> Reply {
        Reply::to(request).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path, &self.key)).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Reply {
        self.send(self.request(Method::POST, path, &self.key).json(body)).await
    }

    pub async fn put(&self, path: &str, body: &Value) -> Reply {
        self.send(self.request(Method::PUT, path, &self.key).json(body)).await
    }

    /// Creates something that must be created.
    pub async fn create(&self, key: &Key, path: &str, body: &Value) -> Reply {
        let reply = self.send(self.request(Method::POST, path, key).json(body)).await;
        assert_eq!(reply.status, 201, "{}", reply.json);
        reply
    }

    /// The database behind the gateway.
    pub async fn database(&self) -> Connection {
        let url = self.database.as_ref().unwrap().url();
        Database::connect(&DatabaseSettings::at(&url)).unwrap().get().await.unwrap()
    }

    /// Answers probes in a fetcher's place: says of each origin what `found` says.
    pub fn answer_probes(&self, found: impl Fn(Probe) -> Probed + Clone + Send + Sync + 'static) {
        let context = Context::detached("fetcher");
        let settings = BrokerSettings { url: self._vhost.url().parse().unwrap() };
        let broker = Broker::start(&settings, &context).unwrap();
        let answer = move |probe| std::future::ready(found(probe));
        tokio::spawn(async move { answer_probes(&broker, 4, answer, context.shutdown.clone()).await });
    }

    /// Takes the database away for good.
    pub fn drop_database(&mut self) {
        self.database = None;
    }
}
