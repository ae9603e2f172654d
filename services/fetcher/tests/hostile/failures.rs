//! Each misbehaviour has its failure code.

use std::time::{Duration, Instant};

use dlcs_model::FailureCode::{
    OriginForbidden, OriginIncomplete, OriginNotFound, OriginRedirect, OriginStatus, OriginTimeout, OriginTls,
    OriginUnreachable, TooLarge,
};
use dlcs_model::RetryClass::{Permanent, Transient};
use dlcs_model::{FailureCode, RetryClass};
use tokio::net::TcpListener;

use crate::bench::{Bench, read};
use crate::server::{BODY, Hostile};

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
