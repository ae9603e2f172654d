//! A status service in this process, on servers of its own, with two customers and a key each.

use std::convert::Infallible;

use clap::Parser;
use dlcs_broker::{Broker, BrokerSettings, Heard};
use dlcs_db::queue::{Claim, Facts, NewBatch, NewImage, Staged, accept, claim, complete, fail, fetched};
use dlcs_db::space::{self, SpaceFields};
use dlcs_db::{Connection, Database, DatabaseSettings, api_key, customer};
use dlcs_messages::Hint;
use dlcs_model::{BatchId, CustomerId, Failure, FailureCode, ImageId, Lane, SpaceId, Stage};
use dlcs_service::Context;
use dlcs_testkit::{Client, Key, Served, TestDatabase, TestVhost};
pub use dlcs_testkit::{PUBLIC, Reply};
use futures::StreamExt;
use reqwest::{Method, RequestBuilder, Response};
use secrecy::SecretString;
use serde_json::Value;
use status::Settings;

pub struct World {
    pub database: Database,
    pub customer: CustomerId,
    pub other: CustomerId,
    client: Client,
    // Ends before the servers it needs.
    served: Option<Served>,
    servers: (TestDatabase, TestVhost),
}

impl World {
    pub async fn start() -> Self {
        let (database, vhost) = (TestDatabase::create().await.unwrap(), TestVhost::create().await.unwrap());
        let rows = Database::connect(&DatabaseSettings::at(&database.url())).unwrap();
        rows.migrate().await.unwrap();
        let (customer, other) = (add_customer(&rows, "library").await, add_customer(&rows, "other").await);
        let servers = (database, vhost);
        let served = serve(&servers);
        let client = Client::new(served.root()).unwrap();
        Self { database: rows, customer, other, client, served: Some(served), servers }
    }

    /// Stops the service and starts another on the same servers.
    pub fn restart(&mut self) {
        self.served = None;
        self.switch(serve(&self.servers));
    }

    /// Speaks to another replica from now on; the first one stays.
    pub fn switch(&mut self, served: Served) -> Option<Served> {
        self.client = Client::new(served.root()).unwrap();
        self.served.replace(served)
    }

    /// Another replica.
    pub fn replica(&self) -> Served {
        serve(&self.servers)
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
        let path = format!("/customers/{}/queue{path}", self.customer);
        self.client.request(method, &path, &Key("library".to_owned(), secret.to_owned()))
    }

    pub async fn send(&self, request: RequestBuilder) -> Reply {
        Reply::to(request).await.unwrap()
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.send(self.request(Method::GET, path)).await
    }

    /// The service's root.
    pub fn root(&self) -> &str {
        &self.client.root
    }

    /// Opens a stream of events, from an id on if one is given.
    pub async fn listen(&self, path: &str, after: Option<&str>) -> Stream {
        let request = self.request(Method::GET, path);
        let request = after.into_iter().fold(request, |request, id| request.header("Last-Event-ID", id));
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "private, no-store");
        Stream { response, text: String::new(), id: None, beats: 0 }
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
    pub async fn finished_batches(&self) -> impl futures::Stream<Item = Heard> + Unpin + use<> {
        let settings = BrokerSettings { url: self.servers.1.url().parse().unwrap() };
        let broker = Broker::start(&settings, &Context::detached("test")).unwrap();
        let mut events = broker.subscribe_events(&["batch.finished"]);
        assert_eq!(events.next().await, Some(Heard::Gap));
        events
    }
}

fn serve((database, vhost): &(TestDatabase, TestVhost)) -> Served {
    let (url, amqp) = (database.url(), vhost.url());
    let arguments = ["status", "--database-url", &url, "--amqp-url", &amqp, "--public-url", PUBLIC];
    let settings = Settings::parse_from(arguments.into_iter().chain([
        "--events-heartbeat-seconds",
        "1",
        "--rate-failures-per-minute",
        "0",
    ]));
    let context = Context::detached("status");
    let shutdown = context.shutdown.clone();
    let run = |listener| status::start_on(listener, settings, context);
    Served::start(run, move || shutdown.cancel()).unwrap()
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

/// What an event says.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub name: String,
    pub id: Option<String>,
    pub data: Value,
}

/// An open stream of events, read as a browser reads it.
pub struct Stream {
    response: Response,
    text: String,
    /// The id to resume from.
    pub id: Option<String>,
    /// Signs of life so far.
    pub beats: usize,
}

impl Stream {
    /// The next event; `None` at the end of the stream.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let lines = block.lines().filter_map(|line| line.split_once(':'));
                    lines.filter(|(field, _)| *field == name).map(|(_, value)| value.trim_start().to_owned()).next()
                };
                let (name, id, data) = (field("event"), field("id"), field("data"));
                self.beats += usize::from(block == ":");
                self.text = rest.to_owned();
                self.id = id.clone().or(self.id.take());
                if let (Some(name), Some(data)) = (name, data) {
                    return Some(Event { name, id, data: serde_json::from_str(&data).unwrap() });
                }
            }
            let chunk = self.response.chunk().await.expect("the stream breaks off")?;
            self.text.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    /// The events up to and with the first that is called `name`.
    pub async fn until(&mut self, name: &str) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("no {name} after {events:?}"));
            let last = event.name == name;
            events.push(event);
            if last {
                return events;
            }
        }
    }

    /// All events up to the end of the stream.
    pub async fn rest(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }
}
