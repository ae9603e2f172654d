//! Each misbehaviour has its failure code.

use std::time::{Duration, Instant};

use dlcs_model::FailureCode::{
    BadCredentials, OriginForbidden, OriginIncomplete, OriginNotFound, OriginRedirect, OriginStatus, OriginTimeout,
    OriginTls, OriginUnreachable, TooLarge,
};
use dlcs_model::RetryClass::{Permanent, Transient, Waits};
use dlcs_model::{Credentials, FailureCode, RetryClass};
use fetcher::access::Access;
use secrecy::SecretString;
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
    let server = Hostile::start(Vec::new()).await;
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
        ("/cut", OriginIncomplete, Transient),
        ("/lies", OriginIncomplete, Transient),
        ("/shrinks", OriginIncomplete, Transient),
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
        // Of its own: what happened before is remembered of a host.
        let bench = Bench::open();
        let start = Instant::now();
        let failure = bench.fetch(&server.url(path)).await.unwrap_err();
        assert_eq!((failure.code, failure.class), (*code, *class), "{path}: {}", failure.detail);
        assert!(start.elapsed() < Duration::from_secs(3), "{path} held the slot for {:?}", start.elapsed());
        assert!(!failure.detail.contains("127.0.0.2"), "{path}: {}", failure.detail);
        assert_eq!(bench.files(), 0, "{path}");
        let hits = match *path {
            "/loop" => 6,
            "/cut" => 6,
            "/lies" | "/shrinks" => 2,
            _ => 1,
        };
        assert_eq!(server.hits(path), hits, "{path}");
    }
    let waits = Bench::open().fetch(&server.url("/status/503")).await.unwrap_err();
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

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_is_continued_if_it_is_still_the_same() {
    let (server, bench) = (Hostile::start(Vec::new()).await, Bench::open());
    let fetched = bench.fetch(&server.url("/resumes")).await.unwrap();
    assert_eq!(read(fetched.path()), BODY);
    let sha256 = "a2fd5088cade95d33562b2187c4b78e5bc9306336fccb85aa4804d3899434e7a";
    assert_eq!(fetched.sha256.map(|byte| format!("{byte:02x}")).concat(), sha256);
    assert_eq!(server.hits("/resumes"), 4);
    let fetched = bench.fetch(&server.url("/changes")).await.unwrap();
    assert_eq!((read(fetched.path()), fetched.bytes, server.hits("/changes")), (b"other".to_vec(), 5, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_sent_to_their_origin_and_to_no_other() {
    let (theirs, bench) = (Hostile::start(Vec::new()).await, Bench::open());
    let secret = theirs.url("/secret");
    let server = Hostile::start(vec![secret.clone(), "/secret".to_owned()]).await;
    let login = |password: &str| {
        Access::With(Credentials::Basic { user: "me".to_owned(), password: SecretString::from(password) })
    };
    let good = login("secret");
    assert_eq!(read(bench.fetch_as(&secret, &good).await.unwrap().path()), BODY);
    assert_eq!(read(bench.fetch_as(&server.url("/to/1"), &good).await.unwrap().path()), BODY, "the same origin");
    let elsewhere = bench.fetch_as(&server.url("/to/0"), &good).await.unwrap_err();
    assert_eq!(elsewhere.code, OriginForbidden, "another port is another origin");
    assert_eq!(bench.fetch(&secret).await.unwrap_err().code, OriginForbidden);
    let wrong = bench.fetch_as(&secret, &login("guess")).await.unwrap_err();
    assert_eq!((wrong.code, wrong.class), (BadCredentials, Permanent));
    assert!(!wrong.detail.contains("guess"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_host_holds_only_so_many_slots() {
    let (server, bench) = (Hostile::start(Vec::new()).await, Bench::open_with("--fetch-per-host=2"));
    let slow = server.url("/silent");
    let (first, second, third) = tokio::join!(bench.fetch(&slow), bench.fetch(&slow), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        bench.fetch(&slow).await
    });
    let codes = [first, second].map(|result| result.unwrap_err().code);
    assert_eq!(codes, [OriginTimeout; 2]);
    // It came in when one of the others had given up.
    assert_eq!(third.unwrap_err().code, OriginTimeout);
    assert_eq!(server.hits("/silent"), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_asks_for_a_pause_is_left_alone() {
    let (server, bench) = (Hostile::start(Vec::new()).await, Bench::open());
    bench.fetch(&server.url("/status/429")).await.unwrap_err();
    let failure = bench.fetch(&server.url("/good")).await.unwrap_err();
    assert_eq!(failure.class, Waits, "{}", failure.detail);
    assert!(failure.retry_after.unwrap() > Duration::from_secs(5));
    assert_eq!(server.hits("/good"), 0);
}
