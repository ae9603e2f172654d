//! What the edge adds to the services behind it: streams go through as they are, and go on after they broke; what it
//! refuses itself has the API's shape.

#![cfg(test)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dlcs_tests::{Answer, Client, World};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Streams at once; an edge with room for a thousand connections needs two for each.
const STREAMS: usize = 200;
const IMAGES: usize = 30;

/// A client that reads events, and comes back with the last id when its stream breaks, as a browser does.
struct Follower {
    client: Client,
    path: String,
    last: Option<String>,
    /// How often each image and each end was told.
    told: BTreeMap<String, usize>,
}

impl Follower {
    /// Follows a batch until its end was told.
    async fn follow(mut self) -> Self {
        while !self.told.contains_key("finished") {
            let request = self.client.request(Method::GET, &self.path);
            let request = self.last.iter().fold(request, |request, id| request.header("Last-Event-ID", id));
            match request.send().await {
                Ok(response) if response.status() == 200 => self.read(response).await,
                // The service is away; the edge says so.
                Ok(response) => assert_eq!(response.status(), 503),
                Err(error) => assert!(!error.is_status(), "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        self
    }

    async fn read(&mut self, mut response: Response) {
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut text = String::new();
        while let Ok(Some(chunk)) = response.chunk().await {
            text.push_str(std::str::from_utf8(&chunk).unwrap());
            while let Some((block, rest)) = text.split_once("\n\n") {
                self.note(block);
                text = rest.to_owned();
            }
        }
    }

    fn note(&mut self, block: &str) {
        let field = |name: &str| {
            block
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(field, _)| *field == name)
                .map(|(_, v)| v.trim())
        };
        if let Some(id) = field("id") {
            self.last = Some(id.to_owned());
        }
        let what = match field("event") {
            Some("image") => {
                let data: Value = serde_json::from_str(field("data").unwrap()).unwrap();
                data["id"].as_str().unwrap().to_owned()
            }
            Some("finished") => "finished".to_owned(),
            _ => return,
        };
        *self.told.entry(what).or_default() += 1;
    }
}

fn picture() -> Arc<Vec<u8>> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(64, 48).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    Arc::new(bytes.into_inner())
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_break_go_on_and_tell_everything_once() {
    let mut world = World::start().await.unwrap();
    let picture = picture();
    let origin = |n: usize| world.origin.set(&format!("/{n}.png"), Answer::Bytes(picture.clone()));
    let members: Vec<_> = (0..IMAGES).map(|n| (format!("i{n:02}"), origin(n))).collect();
    let batch = world.post(&members).await.unwrap();
    let followers: Vec<_> = (0..STREAMS)
        .map(|_| {
            // From the begin on, whatever has ended before all are listening.
            let (client, path, last) = (world.client.clone(), format!("{batch}/events"), Some("0".to_owned()));
            tokio::spawn(Follower { client, path, last, told: BTreeMap::new() }.follow())
        })
        .collect();
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        world.kill("status").unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.launch("status").unwrap();
        world.ready("status").await.unwrap();
    }
    let mut expected: BTreeMap<_, _> = members.iter().map(|(id, _)| (id.clone(), 1)).collect();
    expected.insert("finished".to_owned(), 1);
    for follower in followers {
        let followed = tokio::time::timeout(Duration::from_secs(120), follower).await;
        assert_eq!(followed.expect("the batch ends").unwrap().told, expected);
    }
}

/// Sends what may be no HTTP, and gives the status and the body of what comes back.
async fn raw(world: &World, request: &str) -> (u16, Value) {
    let address = world.client.root().strip_prefix("http://").unwrap();
    let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    assert!(head.contains("Content-Type: application/problem+json"), "{answer}");
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_edge_refuses_has_the_shape_of_errors() {
    let mut world = World::start().await.unwrap();
    let long = "x".repeat(9000);
    let end = "Host: x\r\nConnection: close\r\n\r\n";
    let cases = [
        (414, "url-too-long", format!("GET /customers?{long} HTTP/1.1\r\n{end}")),
        (431, "headers-too-large", format!("GET /customers HTTP/1.1\r\nX-Long: {long}\r\n{end}")),
        (413, "request-too-large", format!("POST /customers HTTP/1.1\r\nContent-Length: 9999999999\r\n{end}")),
        (405, "method-not-allowed", format!("TRACE /customers HTTP/1.1\r\n{end}")),
        (400, "invalid-request", "GET /customers HTTP/1.1\r\n\r\n".to_owned()),
        (400, "invalid-request", format!("GET /customers HTTP/1.1\r\nContent-Length: many\r\n{end}")),
    ];
    for (status, kind, request) in cases {
        let (found, body) = raw(&world, &request).await;
        let shown: String = request.chars().take(60).collect();
        check(&body, status, kind);
        assert_eq!(found, status, "{shown}: {body}");
    }
    world.kill("gateway").unwrap();
    let away = world.client.send(Method::GET, "/customers", None).await.unwrap();
    assert_eq!((away.status.as_u16(), &away.headers["retry-after"]), (503, &"5".parse().unwrap()));
    check(&away.json, 503, "unavailable");
}

fn check(body: &Value, status: u16, kind: &str) {
    assert_eq!(body["type"], format!("urn:dlcs:problem:{kind}"));
    assert_eq!(
        (&body["@type"], &body["status"], &body["statusCode"]),
        (&json!("Error"), &json!(status), &json!(status))
    );
    assert_eq!(body["detail"], body["description"]);
    assert_eq!(status == 400, body["errors"].as_array().is_some_and(|errors| !errors.is_empty()), "{body}");
}
