//! A server that speaks raw TCP and plays any part.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

type Hits = Arc<Mutex<HashMap<String, u32>>>;

pub const BODY: &[u8] = b"these are the bytes of an image";

/// A server whose behaviour is named by the path, on a loopback address of its own.
pub struct Hostile {
    address: SocketAddr,
    hits: Hits,
}

impl Hostile {
    pub async fn start(targets: Vec<String>) -> Self {
        let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let hits = Arc::new(Mutex::new(HashMap::new()));
        let (counted, targets) = (hits.clone(), Arc::new(targets));
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(converse(stream, counted.clone(), targets.clone()));
            }
        });
        Self { address, hits }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn hits(&self, path: &str) -> u32 {
        self.hits.lock().unwrap().get(path).copied().unwrap_or(0)
    }
}

async fn converse(mut stream: TcpStream, hits: Hits, targets: Arc<Vec<String>>) {
    let mut request = Vec::new();
    while !request.windows(4).any(|four| four == b"\r\n\r\n") {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(read) if read > 0 && !buffer.starts_with(&[0x16, 3]) => request.extend_from_slice(&buffer[..read]),
            _ => {
                let _ = stream.write_all(b"HTTP/1.1 400 This is no TLS\r\n\r\n").await;
                return;
            }
        }
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    assert!(request.to_lowercase().contains("accept-encoding: identity\r\n"), "{request}");
    assert!(request.contains("dlcs-fetcher/"), "{request}");
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    *hits.lock().unwrap().entry(path.clone()).or_insert(0) += 1;
    // The other side hangs up in the middle of many of these; that is their point.
    let _ = answer(&mut stream, &request, &path, &targets).await;
}

async fn answer(stream: &mut TcpStream, request: &str, path: &str, targets: &[String]) -> std::io::Result<()> {
    let (name, argument) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
    let ok = b"HTTP/1.1 200 OK\r\n\r\n";
    match name {
        "good" => body(stream, "Content-Type: text/html\r\n", BODY).await?,
        "identity" => body(stream, "Content-Encoding: identity\r\n", BODY).await?,
        "gzip" => body(stream, "Content-Encoding: gzip\r\n", BODY).await?,
        "hops" if argument == "0" => body(stream, "", BODY).await?,
        "chunked" => {
            let (first, rest) = BODY.split_at(5);
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await?;
            for chunk in [first, rest, b""] {
                stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await?;
                stream.write_all(chunk).await?;
                stream.write_all(b"\r\n").await?;
            }
        }
        "until-close" => {
            stream.write_all(ok).await?;
            stream.write_all(BODY).await?;
        }
        "reset" => stream.set_zero_linger()?,
        "closes" => {}
        "silent" => sleep(Duration::from_secs(60)).await,
        "slow-header" => drip(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhich").await?,
        "drip" => {
            stream.write_all(ok).await?;
            drip(stream, &"x".repeat(10_000)).await?;
        }
        "stalls" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n").await?;
            stream.write_all(&[7; 50_000]).await?;
            sleep(Duration::from_secs(60)).await;
        }
        "steady" => {
            stream.write_all(ok).await?;
            loop {
                stream.write_all(&[7; 1000]).await?;
                sleep(Duration::from_millis(20)).await;
            }
        }
        "endless" => {
            stream.write_all(ok).await?;
            loop {
                stream.write_all(&[7; 16_384]).await?;
            }
        }
        "resumes" | "changes" | "lies" | "shrinks" => stream.write_all(&parts(name, request)).await?,
        "cut" => stream.write_all(&parts(name, "")).await?,
        // me:secret
        "secret" if request.contains("\r\nauthorization: Basic bWU6c2VjcmV0\r\n") => body(stream, "", BODY).await?,
        "secret" => stream.write_all(canned("", "status", "401", &[]).as_bytes()).await?,
        _ => stream.write_all(canned(path, name, argument, targets).as_bytes()).await?,
    }
    Ok(())
}

/// Ten bytes at a time of what can be continued, each time with a broken connection.
fn parts(name: &str, request: &str) -> Vec<u8> {
    let header = |name: &str| request.lines().find_map(|line| line.strip_prefix(&format!("{name}: bytes=")));
    let from = header("range").map(|range| range.trim_end_matches('-').parse::<usize>().unwrap());
    let total = BODY.len();
    let head = |status: &str, more: String, length: usize| {
        format!("HTTP/1.1 {status}\r\nAccept-Ranges: bytes\r\n{more}Content-Length: {length}\r\n\r\n")
    };
    let Some(from) = from else {
        let head = head("200 OK", "ETag: \"one\"\r\n".to_owned(), total);
        return [head.as_bytes(), &BODY[..10]].concat();
    };
    assert!(request.contains("\r\nif-range: \"one\"\r\n"), "{request}");
    let range =
        |from: usize, total: usize| format!("ETag: \"one\"\r\nContent-Range: bytes {from}-{}/{total}\r\n", total - 1);
    let (head, bytes) = match name {
        "resumes" => {
            let until = total.min(from + 10);
            (head("206 Partial", range(from, total), total - from), &BODY[from..until])
        }
        "changes" => (head("200 OK", "ETag: \"two\"\r\n".to_owned(), 5), &b"other"[..]),
        "lies" => (head("206 Partial", range(from - 1, total), total - from), &BODY[from..]),
        _ => (head("206 Partial", range(from, total - 1), total - from - 1), &BODY[from..total - 1]),
    };
    [head.as_bytes(), bytes].concat()
}

/// The answers that are only text.
fn canned(path: &str, name: &str, argument: &str, targets: &[String]) -> String {
    let redirect = |target: &str| {
        format!("HTTP/1.1 302 Found\r\nLocation: {target}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    };
    match name {
        "status" => {
            format!("HTTP/1.1 {argument} Something\r\nRetry-After: 7\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        }
        "loop" => redirect(path),
        "grow" => redirect(&format!("{path}/more")),
        "hops" => redirect(&format!("/hops/{}", argument.parse::<u32>().unwrap() - 1)),
        "to" => redirect(&targets[argument.parse::<usize>().unwrap()]),
        "nowhere" => "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "big" => "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n".to_owned(),
        "short" => "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nbut this is all".to_owned(),
        "two-lengths" => "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 9\r\n\r\nwhich".to_owned(),
        "negative" => "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nwhich".to_owned(),
        "bad-chunk" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nwhich".to_owned(),
        "cut-chunk" => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhich\r\n".to_owned(),
        "not-http" => "SSH-2.0-OpenSSH_9.2\r\n".to_owned(),
        "old" => "just the bytes, as HTTP/0.9 had it".to_owned(),
        "headers" => format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Much: ado\r\n".repeat(10_000)),
        other => panic!("no behaviour {other}"),
    }
}

async fn body(stream: &mut TcpStream, headers: &str, body: &[u8]) -> std::io::Result<()> {
    stream
        .write_all(
            format!("HTTP/1.1 200 OK\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n", body.len())
                .as_bytes(),
        )
        .await?;
    stream.write_all(body).await
}

async fn drip(stream: &mut TcpStream, text: &str) -> std::io::Result<()> {
    for byte in text.bytes() {
        stream.write_all(&[byte]).await?;
        sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
