//! No spelling of a forbidden address is contacted, and good ones are.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use dlcs_model::FailureCode::{BlockedAddress, OriginRedirect, OriginUnreachable};
use dlcs_model::RetryClass::Waits;
use dlcs_model::{Credentials, CustomerId, Origin, SftpLogin};
use fetcher::access::Access;
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};

use crate::bench::{Bench, settings};
use crate::server::Hostile;

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

/// Some that are like no others.
const SPELLINGS: &str = "127.1 127.0.1 0 0x0 00 0.0 [::1] [::] [0:0:0:0:0:0:0:1] [0000:0000:0000:0000:0000:0000:0000:0001] [::0001] [0::1] \
        [::0:1] [::1%25lo] [fe80::1] [fe80::1%25eth0] [fec0::1] [fc00::1] [fd00:ec2::254] [ff02::1] [100::1] [3fff::1] [5f00::1] \
        [2001:db8::1] localhost LOCALHOST LocalHost localhost. LOCALHOST. l%6fcalhost loc%61lhost ｌｏｃａｌｈｏｓｔ \
        ⓛⓞⓒⓐⓛⓗⓞⓢⓣ loCALhost ip6-localhost ip6-loopback 0x7f.1 0x7f.0.0.1 0177.1 0177.0.0.01 017700000001 2130706433 \
        2130706433. 0x7f000001 0X7F000001 0x7F.0x1 127.0x1 127.0x0.0x1 127.00000.00000.00001 100.64.0.1 100.100.100.200 \
        172.16.0.1 172.31.0.1 192.0.0.192 192.0.2.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 255.255.255.255 240.0.0.1 \
        192.88.99.1 3232235521 0xA9FEA9FE 2852039166 025177524776 0251.0376.0251.0376 0xa9.0xfe.0xa9.0xfe 169.254.43518";

/// Many ways to write addresses that must never be contacted.
fn forbidden_hosts() -> Vec<String> {
    let mut hosts = Vec::new();
    for [a, b, c, d] in [
        [127, 0, 0, 1],
        [127, 1, 2, 3],
        [0, 0, 0, 0],
        [10, 0, 0, 1],
        [100, 64, 0, 1],
        [169, 254, 169, 254],
        [172, 16, 0, 9],
        [192, 0, 2, 7],
        [192, 168, 0, 1],
    ] {
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
    hosts.extend(SPELLINGS.split_whitespace().map(str::to_owned));
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
            let failure = bench.origins.fetch(&origin, CustomerId(1), &Access::Open).await.unwrap_err();
            assert!(matches!(failure.code, BlockedAddress | OriginUnreachable), "{spelling}: {failure}");
            assert_ne!(failure.class, Waits, "{spelling} was not tried");
        }
        let failure = bench.fetch(&server.url(&format!("/to/{index}"))).await.unwrap_err();
        assert!(matches!(failure.code, BlockedAddress | OriginUnreachable | OriginRedirect), "{spelling}: {failure}");
        assert_ne!(failure.class, Waits, "{spelling} was not tried");
    }
    assert_eq!(*hits.lock().unwrap(), 0);
    // The same canary is reached once it is let through: the test would notice.
    let open = Bench::new(&["--fetch-allow-networks=127.0.0.0/8"]);
    open.fetch(&format!("http://127.0.0.1:{port}/")).await.unwrap_err();
    open.fetch(&format!("http://2130706433:{port}/")).await.unwrap_err();
    // A connection is counted a moment after it is made.
    let counted = async {
        while *hits.lock().unwrap() < 2 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(5), counted).await.unwrap();
    assert_eq!(*hits.lock().unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_forbidden_address_reaches_it_by_another_protocol() {
    let (port, hits) = canary().await;
    let login = SftpLogin::Password("secret".into());
    let sftp = Access::With(Credentials::Sftp { user: "me".to_owned(), login, host_key: None });
    let ftp = Access::With(Credentials::Ftp { user: "me".to_owned(), password: "secret".into() });
    for (scheme, access) in [("ftp", &ftp), ("ftps", &ftp), ("sftp", &sftp)] {
        let spellings = forbidden_hosts().into_iter().map(|host| format!("{scheme}://{host}:{port}/x"));
        let spellings: Vec<_> = spellings.filter(|spelling| Origin::parse(spelling).is_ok()).collect();
        assert!(spellings.len() >= 300, "{scheme}: {}", spellings.len());
        let server = Hostile::start(spellings.clone()).await;
        let bench = Bench::new(&["--fetch-allow-networks=127.0.0.2/32", &format!("--fetch-ports={port}")]);
        for (index, spelling) in spellings.iter().enumerate() {
            let failure = bench.fetch_as(spelling, access).await.unwrap_err();
            assert!(matches!(failure.code, BlockedAddress | OriginUnreachable), "{spelling}: {failure}");
            assert_ne!(failure.class, Waits, "{spelling} was not tried");
            let failure = bench.fetch(&server.url(&format!("/to/{index}"))).await.unwrap_err();
            assert_eq!(failure.code, OriginRedirect, "{spelling}: {failure}");
        }
        assert_eq!(*hits.lock().unwrap(), 0);
    }
    // The same canary is reached once it is let through: the test would notice.
    let open = Bench::new(&["--fetch-allow-networks=127.0.0.0/8"]);
    for scheme in ["ftp", "ftps"] {
        open.fetch(&format!("{scheme}://%31%32%37.0.0.1:{port}/x")).await.unwrap_err();
    }
    let counted = async {
        while *hits.lock().unwrap() < 2 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(Duration::from_secs(5), counted).await.unwrap();
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
                for standard in [21, 22, 80, 443, 990] {
                    guard.judge(host, standard).unwrap();
                }
                tried += 1;
            }
        }
    }
    assert!(tried >= 100);
}
