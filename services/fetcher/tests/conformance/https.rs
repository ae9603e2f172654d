//! What is special to https: whose certificate is trusted, and for which name.

use dlcs_model::FailureCode::OriginTls;
use dlcs_model::RetryClass::Permanent;
use dlcs_testkit::servers::HOST;
use fetcher::access::Access;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::site::{Fetcher, Site};

/// An address that the certificate does not name.
const ELSEWHERE: &str = "127.0.0.3";

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_has_to_be_trusted_and_to_name_the_host() {
    let site = Site::http("https").await;
    let listener = TcpListener::bind((ELSEWHERE, site.port)).await.unwrap();
    let port = site.port;
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut far = TcpStream::connect((HOST, port)).await.unwrap();
            // The fetcher hangs up when it has seen the certificate.
            tokio::spawn(async move { copy_bidirectional(&mut near, &mut far).await.ok() });
        }
    });
    let (trusting, usual) = (site.fetcher(&[]).await, Fetcher::new(&[]).await);
    drop(trusting.fetch(&site.url("whole"), &Access::Open).await.unwrap());
    for (name, fetcher, url) in [
        ("another name", &trusting, site.url_at(ELSEWHERE, "whole")),
        ("an authority that nobody knows", &usual, site.url("whole")),
    ] {
        let failure = fetcher.fetch(&url, &Access::Open).await.unwrap_err();
        assert_eq!((failure.code, failure.class), (OriginTls, Permanent), "{name}: {}", failure.detail);
        assert_eq!(fetcher.files(), 0, "{name}");
    }
}
