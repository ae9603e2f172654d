//! A status service in this process, on servers of its own, with two customers and a key each.

use std::convert::Infallible;
use std::net::TcpListener;
use std::thread::JoinHandle;
use std::time::Duration;

use clap::Parser;
use dlcs_broker::{Broker, BrokerSettings, Heard};
use dlcs_db::queue::{Claim, Facts, NewBatch, NewImage, Staged, accept, claim, complete, fail, fetched};
use dlcs_db::space::{self, SpaceFields};
use dlcs_db::{Connection, Database, DatabaseSettings, api_key, customer};
use dlcs_messages::Hint;
use dlcs_model::{BatchId, CustomerId, Failure, FailureCode, ImageId, Lane, SpaceId, Stage};
use dlcs_service::Context;
use dlcs_testkit::{TestDatabase, TestVhost};
use futures::{Stream, StreamExt};
use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use secrecy::SecretString;
use serde_json::Value;
use status::Settings;

/// The root in all URLs of answers; requests go elsewhere.
pub const PUBLIC: &str = "https://dlcs.example";

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

    /// What each member says under `name`.
    pub fn members(&self, name: &str) -> Vec<Value> {
        self.json["member"].as_array().unwrap().iter().map(|member| member[name].clone()).collect()
    }
}

pub struct World {
    pub database: Database,
    pub customer: CustomerId,
    pub other: CustomerId,
    http: Client,
    root: String,
    amqp: String,
    context: Context,
    thread: Option<JoinHandle<anyhow::Result<()>>>,
    _servers: (TestDatabase, TestVhost),
}

impl World {
    pub async fn start() -> Self {
        let (database, vhost) = (TestDatabase::create().await.unwrap(), TestVhost::create().await.unwrap());
        let (url, amqp) = (database.url(), vhost.url());
        let rows = Database::connect(&DatabaseSettings::at(&url)).unwrap();
        rows.migrate().await.unwrap();
        let (customer, other) = (add_customer(&rows, "library").await, add_customer(&rows, "other").await);
        let arguments = ["status", "--database-url", &url, "--amqp-url", &amqp, "--public-url", PUBLIC];
        let settings = Settings::parse_from(arguments);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let context = Context::detached("status");
        let own = context.clone();
        let thread = std::thread::spawn(move || {
            let runtime =
                || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            actix_web::rt::System::with_tokio_rt(runtime).block_on(status::start_on(listener, settings, own))
        });
        let http = Client::builder().no_proxy().timeout(Duration::from_secs(60)).build().unwrap();
        let (thread, servers) = (Some(thread), (database, vhost));
        Self { database: rows, customer, other, http, root, amqp, context, thread, _servers: servers }
    }

    pub async fn db(&self) -> Connection {
        self.database.get().await.unwrap()
    }

    /// A request of the customer; each one's key and secret are its name.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_with(method, path, "library")
    }

    /// The same with another secret.
    pub fn request_with(&self, method: Method, path: &str, secret: &str) -> RequestBuilder {
        let url = format!("{}/customers/{}/queue{path}", self.root, self.customer);
        self.http.request(method, url).basic_auth("library", Some(secret))
    }

    pub async fn send(&self, request: RequestBuilder) -> Reply {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let json = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap_or(Value::Null);
        Reply { status, headers, json }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    /// Registers images of these ids.
    pub async fn register(&self, customer: CustomerId, ids: &[&str], label: Option<&str>) -> BatchId {
        let image = |id: &&str| NewImage {
            origin: Some(format!("http://origin.example/{id}.jpg")),
            ..NewImage::named(SpaceId(1), ImageId::new(*id).unwrap())
        };
        let new = NewBatch {
            customer,
            lane: Lane::Normal,
            label: label.map(str::to_owned),
            immediate: false,
            only_new: false,
            members: ids.iter().map(image).collect(),
            idempotency: None,
        };
        accept(&mut *self.db().await, &new).await.unwrap().batch
    }

    /// Does an image's work, well or badly.
    pub async fn work(&self, batch: BatchId, ordinal: i32, well: bool) {
        let mut db = self.db().await;
        let hint = |stage| Hint { batch, ordinal, generation: 1, stage };
        let first = claim(&mut db, &hint(Stage::Fetch), "test").await.unwrap().expect("the item can be fetched");
        if !well {
            let failure = Failure::new(FailureCode::NotAnImage, "the bytes are HTML");
            fail(&mut db, &first, &failure).await.unwrap();
            return;
        }
        let staged = Staged { key: "staging/x".into(), bytes: 9, sha256: vec![0; 32], media_type: None };
        fetched(&mut db, &first, &staged).await.unwrap().expect("the item was fetched");
        let second = claim(&mut db, &hint(Stage::Process), "test").await.unwrap().expect("the item can be processed");
        complete(&mut db, &second, &facts(&second), |_| async { Ok::<(), Infallible>(()) }).await.unwrap();
    }

    /// Listens to the ends of batches; what is told from now on is heard.
    pub async fn finished_batches(&self) -> impl Stream<Item = Heard> + Unpin + use<> {
        let settings = BrokerSettings { url: self.amqp.parse().unwrap() };
        let broker = Broker::start(&settings, &Context::detached("test")).unwrap();
        let mut events = broker.subscribe_events(&["batch.finished"]);
        assert_eq!(events.next().await, Some(Heard::Gap));
        events
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

async fn add_customer(database: &Database, name: &str) -> CustomerId {
    let mut db = database.get().await.unwrap();
    let id = customer::create(&mut db, name, name, false).await.unwrap().id;
    api_key::put(&mut db, id, name, &SecretString::from(name)).await.unwrap();
    let fields = SpaceFields { name: Some("pages".to_owned()), ..SpaceFields::default() };
    space::create(&mut db, id, &fields).await.unwrap();
    id
}

fn facts(claim: &Claim) -> Facts {
    Facts {
        width: 640,
        height: 480,
        media_type: "image/jpeg".to_owned(),
        derivative: format!("{}", claim.token),
        size: 1000,
        thumbnail_size: 100,
    }
}
