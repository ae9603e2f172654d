//! What only FTP has: data comes through a connection of its own.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dlcs_model::FailureCode::{BlockedAddress, OriginIncomplete, OriginTls};
use dlcs_model::RetryClass::Permanent;
use dlcs_testkit::servers::{FtpMode, HOST, PyFtp};
use fetcher::access::Access;
use tokio::net::TcpListener;

use crate::site::{Fetcher, Files, Site, WHOLE_BYTES, read, whole};

#[tokio::test(flavor = "multi_thread")]
async fn data_is_never_fetched_from_where_the_server_says() {
    let files = Files::create();
    let named = Ipv4Addr::new(127, 0, 0, 3);
    let address: IpAddr = HOST.parse().unwrap();
    let (state, root) = (files.state("pyftp"), files.root());
    let server = PyFtp::start(&state, &root, (address, FtpMode::Plain), &files.authority, Some(named)).await.unwrap();
    let mut canaries = Vec::new();
    for port in server.ports() {
        canaries.push(TcpListener::bind((named, port)).await.unwrap());
    }
    let fetcher = Fetcher::new(&[]).await;
    for _ in 0..3 {
        let fetched = fetcher.fetch(&format!("ftp://{HOST}:{}/whole", server.port), &Access::Open).await.unwrap();
        assert_eq!(fetched.bytes, WHOLE_BYTES as u64);
    }
    for canary in canaries {
        let canary = canary.into_std().unwrap();
        assert!(canary.accept().is_err(), "somebody knocked");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ipv6_has_its_own_command_for_data() {
    let files = Files::create();
    let (state, root, address) = (files.state("pyftp"), files.root(), IpAddr::V6(Ipv6Addr::LOCALHOST));
    let server = PyFtp::start(&state, &root, (address, FtpMode::Plain), &files.authority, None).await.unwrap();
    let fetcher = Fetcher::new(&[]).await;
    let fetched = fetcher.fetch(&format!("ftp://[::1]:{}/whole", server.port), &Access::Open).await.unwrap();
    assert!(read(&fetched) == whole());
    let closed = Fetcher::new(&["--fetch-allow-networks=127.0.0.0/8"]).await;
    let refused = closed.fetch(&format!("ftp://[::1]:{}/whole", server.port), &Access::Open).await.unwrap_err();
    assert_eq!(refused.code, BlockedAddress);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_shorter_than_the_server_says_is_not_whole() {
    let site = Site::pyftp("ftp", FtpMode::Plain).await;
    let failure = site.fetcher(&[]).await.fetch(&site.url("lies"), &site.access).await.unwrap_err();
    assert_eq!(failure.code, OriginIncomplete, "{}", failure.detail);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_nobody_is_not_trusted() {
    for mode in [FtpMode::Explicit, FtpMode::Implicit] {
        let site = Site::pyftp("ftps", mode).await;
        let implicit = format!("--fetch-implicit-ftps-ports={}", site.implicit_port());
        let stranger = Fetcher::new(&[&implicit]).await;
        let failure = stranger.fetch(&site.url("whole"), &site.access).await.unwrap_err();
        assert_eq!((failure.code, failure.class), (OriginTls, Permanent), "{mode:?}: {}", failure.detail);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_tls_gets_no_password() {
    let site = Site::pyftp("ftp", FtpMode::Plain).await;
    let url = site.url("whole").replace("ftp:", "ftps:");
    let failure = site.fetcher(&[]).await.fetch(&url, &site.access).await.unwrap_err();
    assert_eq!((failure.code, failure.class), (OriginTls, Permanent), "{}", failure.detail);
}
