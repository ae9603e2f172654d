//! A gateway in this process, on servers of its own, with a customer, a key and a space.

use std::net::TcpListener;
use std::thread::JoinHandle;
use std::time::Duration;

use clap::Parser;
use dlcs_db::{Connection, Database, DatabaseSettings};
use dlcs_service::Context;
use dlcs_testkit::{TestDatabase, TestVhost};
use gateway::Settings;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The root in all URLs of answers; requests go elsewhere.
pub const PUBLIC: &str = "https://dlcs.example";
const ADMIN: (&str, &str) = ("admin-key", "admin-secret");

/// An answer, read.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub json: Value,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The places and words of all faults.
    pub fn faults(&self) -> Vec<String> {
        let listed = self.json["errors"].as_array().into_iter().flatten();
        listed.map(|f| format!("{} {}", f["pointer"].as_str().unwrap(), f["code"].as_str().unwrap())).collect()
    }
}

/// A customer's or administrator's credentials.
#[derive(Clone)]
pub struct Key(pub String, pub String);

pub struct World {
    pub http: Client,
    pub root: String,
    pub customer: i64,
    pub key: Key,
    pub store: TempDir,
    database: Option<TestDatabase>,
    _vhost: TestVhost,
    context: Context,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
}

impl World {
    pub async fn start(extra: &[&str]) -> Self {
        let (database, vhost) = (TestDatabase::create().await.unwrap(), TestVhost::create().await.unwrap());
        let store = tempfile::tempdir().unwrap();
        let (url, amqp, folder) = (database.url(), vhost.url(), format!("file://{}", store.path().display()));
        let arguments = ["gateway", "--database-url", &url, "--amqp-url", &amqp, "--storage-url", &folder];
        let admin = ["--public-url", PUBLIC, "--admin-key", ADMIN.0, "--admin-secret", ADMIN.1];
        let settings = Settings::parse_from(arguments.into_iter().chain(admin).chain(extra.iter().copied()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let context = Context::detached("gateway");
        let own = context.clone();
        // As a process would: the system's own runtime, and the loops on it.
        let thread = std::thread::spawn(move || {
            let runtime =
                || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            actix_web::rt::System::with_tokio_rt(runtime).block_on(gateway::start_on(listener, settings, own))
        });
        let http = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
        let key = Key(ADMIN.0.to_owned(), ADMIN.1.to_owned());
        let (database, thread) = (Some(database), Some(thread));
        let mut world = Self { http, root, customer: 0, key, store, database, _vhost: vhost, context, thread };
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
        self.http.request(method, format!("{}{path}", self.root)).basic_auth(&key.0, Some(&key.1))
    }

    /// A path below the customer's.
    pub fn path(&self, path: &str) -> String {
        format!("/customers/{}{path}", self.customer)
    }

    pub async fn send(&self, request: RequestBuilder) -> Reply {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let json = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null);
        Reply { status, headers, json }
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

    /// Takes the database away for good.
    pub fn drop_database(&mut self) {
        self.database = None;
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.context.shutdown.cancel();
        let ended = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            ended.unwrap().unwrap().unwrap();
        }
    }
}
