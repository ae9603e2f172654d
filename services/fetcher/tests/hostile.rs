//! Origins that lie, stall, wander or never end, played by a server that speaks raw TCP.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::{Args, FromArgMatches};
use dlcs_model::FailureCode::{
    BlockedAddress, OriginForbidden, OriginIncomplete, OriginNotFound, OriginRedirect, OriginStatus, OriginTimeout,
    OriginTls, OriginUnreachable, TooLarge,
};
use dlcs_model::RetryClass::{Permanent, Transient};
use dlcs_model::{Failure, FailureCode, Origin, RetryClass};
use fetcher::FetchSettings;
use fetcher::origins::{Fetched, Origins};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

type Hits = Arc<Mutex<HashMap<String, u32>>>;

const BODY: &[u8] = b"these are the bytes of an image";

/// A server whose behaviour is named by the path, on a loopback address of its own.
struct Hostile {
    address: SocketAddr,
    hits: Hits,
}

impl Hostile {
    async fn start(targets: Vec<String>) -> Self {
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

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn hits(&self, path: &str) -> u32 {
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
    let _ = answer(&mut stream, &path, &targets).await;
}

async fn answer(stream: &mut TcpStream, path: &str, targets: &[String]) -> std::io::Result<()> {
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
        _ => stream.write_all(canned(path, name, argument, targets).as_bytes()).await?,
    }
    Ok(())
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

/// Settings as an operator would give them, with short limits.
fn settings(more: &[&str]) -> FetchSettings {
    let arguments = ["test", "--fetch-header-seconds=0.5", "--fetch-rate-seconds=0.5", "--fetch-total-seconds=2"];
    let command = FetchSettings::augment_args(clap::Command::new("test"));
    let matches = command.get_matches_from(arguments.iter().chain(more));
    FetchSettings::from_arg_matches(&matches).unwrap()
}

struct Bench {
    origins: Origins,
    work: TempDir,
}

impl Bench {
    fn new(more: &[&str]) -> Self {
        // An error means that a provider is already there, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let work = tempfile::tempdir().unwrap();
        Self { origins: Origins::new(&settings(more), work.path()).unwrap(), work }
    }

    fn open() -> Self {
        Self::new(&["--fetch-allow-networks=127.0.0.2/32", "--fetch-max-bytes=1000000"])
    }

    async fn fetch(&self, url: &str) -> Result<Fetched, Failure> {
        self.origins.fetch(&Origin::parse(url).unwrap()).await
    }

    fn files(&self) -> usize {
        std::fs::read_dir(self.work.path()).unwrap().count()
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_origin_is_fetched_whole() {
    let (server, bench) = (Hostile::start(Vec::new()).await, Bench::open());
    for path in ["/good", "/identity", "/chunked", "/until-close", "/hops/5"] {
        let fetched = bench.fetch(&server.url(path)).await.unwrap();
        assert_eq!(read(fetched.path()), BODY, "{path}");
        assert_eq!(fetched.bytes, BODY.len() as u64);
        let sha256 = "a2fd5088cade95d33562b2187c4b78e5bc9306336fccb85aa4804d3899434e7a";
        assert_eq!(fetched.sha256.map(|byte| format!("{byte:02x}")).concat(), sha256);
        assert_eq!(fetched.media_type.as_deref(), (path == "/good").then_some("text/html"));
        assert_eq!(server.hits(path), 1);
        drop(fetched);
    }
    assert_eq!(bench.files(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_misbehaviour_has_its_code_and_class_and_leaves_nothing_behind() {
    let (server, bench) = (Hostile::start(Vec::new()).await, Bench::open());
    let table: &[(&str, FailureCode, RetryClass)] = &[
        ("/status/400", OriginStatus, Permanent),
        ("/status/401", OriginForbidden, Permanent),
        ("/status/403", OriginForbidden, Permanent),
        ("/status/404", OriginNotFound, Permanent),
        ("/status/410", OriginNotFound, Permanent),
        ("/status/429", OriginStatus, Transient),
        ("/status/451", OriginForbidden, Permanent),
        ("/status/500", OriginStatus, Transient),
        ("/status/503", OriginStatus, Transient),
        ("/status/204", OriginStatus, Permanent),
        ("/gzip", OriginStatus, Permanent),
        ("/loop", OriginRedirect, Permanent),
        ("/grow", OriginRedirect, Permanent),
        ("/hops/6", OriginRedirect, Permanent),
        ("/hops/20", OriginRedirect, Permanent),
        ("/nowhere", OriginRedirect, Permanent),
        ("/big", TooLarge, Permanent),
        ("/endless", TooLarge, Permanent),
        ("/short", OriginIncomplete, Transient),
        ("/cut-chunk", OriginIncomplete, Transient),
        ("/bad-chunk", OriginIncomplete, Transient),
        ("/closes", OriginIncomplete, Transient),
        ("/two-lengths", OriginStatus, Permanent),
        ("/negative", OriginStatus, Permanent),
        ("/not-http", OriginStatus, Permanent),
        ("/old", OriginStatus, Permanent),
        ("/headers", OriginStatus, Permanent),
        ("/reset", OriginUnreachable, Transient),
        ("/silent", OriginTimeout, Transient),
        ("/slow-header", OriginTimeout, Transient),
        ("/drip", OriginTimeout, Transient),
        ("/stalls", OriginTimeout, Transient),
        ("/steady", OriginTimeout, Transient),
    ];
    for (path, code, class) in table {
        let start = Instant::now();
        let failure = bench.fetch(&server.url(path)).await.unwrap_err();
        assert_eq!((failure.code, failure.class), (*code, *class), "{path}: {}", failure.detail);
        assert!(start.elapsed() < Duration::from_secs(3), "{path} held the slot for {:?}", start.elapsed());
        assert!(!failure.detail.contains("127.0.0.2"), "{path}: {}", failure.detail);
        assert_eq!(bench.files(), 0, "{path}");
        let once = if *path == "/loop" { 6 } else { 1 };
        assert_eq!(server.hits(path), once, "{path}");
    }
    let waits = bench.fetch(&server.url("/status/503")).await.unwrap_err();
    assert_eq!(waits.retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_and_no_tls_there() {
    let (server, bench) = (Hostile::start(Vec::new()).await, Bench::open());
    let tls = bench.fetch(&server.url("/good").replace("http:", "https:")).await.unwrap_err();
    assert_eq!(tls.code, OriginTls, "{}", tls.detail);
    let nobody = { TcpListener::bind("127.0.0.2:0").await.unwrap().local_addr().unwrap() };
    let refused = bench.fetch(&format!("http://{nobody}/x")).await.unwrap_err();
    assert_eq!((refused.code, refused.class), (OriginUnreachable, Transient));
    let unknown = bench.fetch("http://no-such-host.invalid/x").await.unwrap_err();
    assert_eq!(unknown.code, OriginUnreachable, "{}", unknown.detail);
    for url in ["s3://bucket/key", "ftp://host/x", "ftps://host/x", "sftp://host/x"] {
        let failure = bench.fetch(url).await.unwrap_err();
        assert_eq!((failure.code, failure.class), (OriginStatus, Permanent), "{url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_stay_with_http_and_carry_no_credentials() {
    let targets =
        ["ftp://127.0.0.2/x", "file:///etc/passwd", "http://me:secret@127.0.0.2/", "//", "gopher://h/", "data:,x"];
    let server = Hostile::start(targets.map(str::to_owned).to_vec()).await;
    let bench = Bench::open();
    for (index, target) in targets.iter().enumerate() {
        let failure = bench.fetch(&server.url(&format!("/to/{index}"))).await.unwrap_err();
        assert_eq!(failure.code, OriginRedirect, "{target}: {}", failure.detail);
        assert!(!failure.detail.contains("secret"));
    }
}

/// Counts every connection to a port, on all addresses of this machine.
async fn canary() -> (u16, Arc<Mutex<u32>>) {
    let listener = TcpListener::bind("[::]:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let hits = Arc::new(Mutex::new(0));
    let counted = hits.clone();
    tokio::spawn(async move {
        while listener.accept().await.is_ok() {
            *counted.lock().unwrap() += 1;
        }
    });
    (port, hits)
}

/// Many ways to write addresses that must never be contacted.
fn forbidden_hosts() -> Vec<String> {
    let mut hosts = Vec::new();
    for [a, b, c, d] in
        [[127, 0, 0, 1], [127, 1, 2, 3], [0, 0, 0, 0], [10, 0, 0, 1], [169, 254, 169, 254], [192, 168, 0, 1]]
    {
        let (low, all) = (u32::from(c) << 8 | u32::from(d), u32::from_be_bytes([a, b, c, d]));
        let three = all & 0xFF_FFFF;
        for text in [
            format!("{a}.{b}.{c}.{d}"),
            format!("{a}.{b}.{c}.{d}."),
            format!("{a}.{b}.{low}"),
            format!("{a}.{three}"),
            format!("{all}"),
            format!("{all:#x}"),
            format!("{all:#X}"),
            format!("0{all:o}"),
            format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
            format!("{a:#04x}.{b}.{c}.{d}"),
            format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
            format!("00{a:o}.{b}.{c}.{d}"),
            format!("0000000{a:o}.0{b:o}.{c}.{d:#x}"),
            format!("0x{a:010x}.{three}"),
            format!("0x{a:x}.0{three:o}"),
            format!("{a}.0x{three:06x}"),
            format!("{a}.{b}.{c}.{d}").bytes().map(|byte| format!("%{byte:02x}")).collect(),
            format!("{a}.{b}.{c}%2e{d}"),
            format!("{a}。{b}。{c}。{d}"),
            format!("{a}.{b}.{c}.{d}").chars().map(fullwidth).collect(),
            format!("{all}").chars().map(fullwidth).collect(),
            format!("{a}.{b}.{c}.{d}").chars().map(circled).collect(),
            format!("[::ffff:{a}.{b}.{c}.{d}]"),
            format!("[::FFFF:{:x}:{:x}]", all >> 16, all & 0xFFFF),
            format!("[0:0:0:0:0:ffff:{:04x}:{:04x}]", all >> 16, all & 0xFFFF),
            format!("[0000:0000:0000:0000:0000:FFFF:{a}.{b}.{c}.{d}]"),
            format!("[::{a}.{b}.{c}.{d}]"),
            format!("[::{:x}:{:x}]", all >> 16, all & 0xFFFF),
            format!("[64:ff9b::{a}.{b}.{c}.{d}]"),
            format!("[64:ff9b::{:x}:{:x}]", all >> 16, all & 0xFFFF),
            format!("[64:ff9b:1::{a}.{b}.{c}.{d}]"),
            format!("[2002:{:x}:{:x}::1]", all >> 16, all & 0xFFFF),
            format!("[2001:0:{:x}:{:x}::]", all >> 16, all & 0xFFFF),
            format!("[::ffff:0:{a}.{b}.{c}.{d}]"),
            format!("[fe80::{:x}:{:x}]", all >> 16, all & 0xFFFF),
        ] {
            hosts.push(text);
        }
    }
    let plain = "127.1 127.0.1 0 0x0 00 0.0 [::1] [::] [0:0:0:0:0:0:0:1] [0000:0000:0000:0000:0000:0000:0000:0001] [::0001] [0::1] \
        [::0:1] [::1%25lo] [fe80::1] [fe80::1%25eth0] [fec0::1] [fc00::1] [fd00:ec2::254] [ff02::1] [100::1] [3fff::1] [5f00::1] \
        [2001:db8::1] localhost LOCALHOST LocalHost localhost. LOCALHOST. l%6fcalhost loc%61lhost ｌｏｃａｌｈｏｓｔ \
        ⓛⓞⓒⓐⓛⓗⓞⓢⓣ loCALhost ip6-localhost ip6-loopback 0x7f.1 0x7f.0.0.1 0177.1 0177.0.0.01 017700000001 2130706433 \
        2130706433. 0x7f000001 0X7F000001 0x7F.0x1 127.0x1 127.0x0.0x1 127.00000.00000.00001 100.64.0.1 100.100.100.200 \
        172.16.0.1 172.31.0.1 192.0.0.192 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 255.255.255.255 240.0.0.1 \
        192.88.99.1 3232235521 0xA9FEA9FE 2852039166 025177524776 0251.0376.0251.0376 0xa9.0xfe.0xa9.0xfe 169.254.43518";
    hosts.extend(plain.split_whitespace().map(str::to_owned));
    hosts
}

fn fullwidth(c: char) -> char {
    c.to_digit(10).and_then(|digit| char::from_u32(0xFF10 + digit)).unwrap_or(c)
}

fn circled(c: char) -> char {
    match c.to_digit(10) {
        Some(0) => '⓪',
        Some(digit) => char::from_u32(0x2460 + digit - 1).unwrap(),
        None => c,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_forbidden_address_reaches_it_directly_or_by_redirect() {
    let (port, hits) = canary().await;
    let tricks =
        ["{h}:{p}", "me@{h}:{p}", "good.example:80@{h}:{p}", "{h}:{p}#@good.example", "{h}:{p}\\@good.example"];
    let spellings: Vec<String> = forbidden_hosts()
        .iter()
        .enumerate()
        .flat_map(|(index, host)| {
            // Every host plain, and one of the tricks around it.
            [tricks[0], tricks[1 + index % 4]]
                .map(|trick| format!("http://{}/", trick.replace("{h}", host).replace("{p}", &port.to_string())))
        })
        .collect();
    assert!(spellings.len() >= 500, "{}", spellings.len());
    let server = Hostile::start(spellings.clone()).await;
    // The canary's port is a standard one here, so that nothing but the address can be the reason.
    let bench = Bench::new(&["--fetch-allow-networks=127.0.0.2/32", &format!("--fetch-ports={port}")]);
    for (index, spelling) in spellings.iter().enumerate() {
        if let Ok(origin) = Origin::parse(spelling) {
            let failure = bench.origins.fetch(&origin).await.unwrap_err();
            assert!(matches!(failure.code, BlockedAddress | OriginUnreachable), "{spelling}: {failure}");
        }
        let failure = bench.fetch(&server.url(&format!("/to/{index}"))).await.unwrap_err();
        assert!(matches!(failure.code, BlockedAddress | OriginUnreachable | OriginRedirect), "{spelling}: {failure}");
    }
    assert_eq!(*hits.lock().unwrap(), 0);
    // The same canary is reached once it is let through: the test would notice.
    let open = Bench::new(&["--fetch-allow-networks=127.0.0.0/8"]);
    open.fetch(&format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    open.fetch(&format!("http://2130706433:{port}/")).await.unwrap_err();
    assert_eq!(*hits.lock().unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_blocked_addresses_read_the_same() {
    let bench = Bench::new(&[]);
    let mut sentences = std::collections::HashSet::new();
    for url in ["http://127.0.0.1/", "http://10.0.0.1/", "http://localhost/", "http://8.8.8.8:25/", "http://[::1]:9/"] {
        let failure = bench.fetch(url).await.unwrap_err();
        assert_eq!(failure.code, BlockedAddress, "{url}");
        sentences.insert(failure.detail);
    }
    assert_eq!(sentences.len(), 1);
}

#[test]
fn good_origins_are_let_through() {
    let guard = settings(&[]).guard();
    let hosts = [
        "example.org",
        "images.example.org",
        "example.org.",
        "bücher.example",
        "8.8.8.8",
        "[2606:4700::1111]",
        "134744072",
    ];
    let tails =
        ["", "/", "/a.jpg", "/a%20b/c.tif", "/iiif?x=http://127.0.0.1/", "/@10.0.0.1/", "/x#127.0.0.1", "//localhost/"];
    let mut tried = 0;
    for host in hosts {
        for port in ["", ":80", ":443"] {
            for tail in tails {
                let origin = Origin::parse(&format!("https://{host}{port}{tail}")).unwrap();
                guard.check(origin.url()).unwrap();
                tried += 1;
            }
        }
    }
    assert!(tried >= 100);
}
