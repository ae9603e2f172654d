//! What every protocol has to do. A case that a protocol does not know says so in the table, and nowhere else.

use dlcs_model::FailureCode::{
    self, BadCredentials, NotAnImage, OriginForbidden, OriginIncomplete, OriginNotFound, OriginStatus, OriginTimeout,
    OriginUnreachable, TooLarge,
};
use dlcs_model::RetryClass::{self, Permanent, Transient};
use dlcs_testkit::servers::{Fault, FtpMode, Proxy, free_ports};
use fetcher::access::Access;

use crate::site::{Fetcher, ODD, Site, WHOLE_BYTES, read, whole};

#[tokio::test(flavor = "multi_thread")]
async fn http_from_nginx() {
    conforms(&Site::http("http").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn https_from_nginx() {
    conforms(&Site::http("https").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ftp_from_vsftpd() {
    conforms(&Site::vsftpd("ftp").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn explicit_ftps_from_vsftpd() {
    conforms(&Site::vsftpd("ftps").await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ftp_from_pyftpdlib() {
    conforms(&Site::pyftp("ftp", FtpMode::Plain).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn explicit_ftps_from_pyftpdlib() {
    conforms(&Site::pyftp("ftps", FtpMode::Explicit).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn implicit_ftps_from_pyftpdlib() {
    conforms(&Site::pyftp("ftps", FtpMode::Implicit).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sftp_from_openssh() {
    conforms(&Site::sftp().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_from_moto() {
    conforms(&Site::s3().await).await;
}

async fn conforms(site: &Site) {
    good_files_come_whole(site).await;
    what_is_wrong_with_a_file_has_its_code(site).await;
    what_is_wrong_with_a_login_has_its_code(site).await;
    a_transfer_that_breaks_off_is_continued(site).await;
    a_server_that_is_too_slow_is_left(site).await;
    nobody_there(site).await;
}

async fn good_files_come_whole(site: &Site) {
    let fetcher = site.fetcher(&[]).await;
    for name in ["whole", "directory/inner", "private/whole", ODD] {
        let fetched = fetcher.fetch(&site.url(name), &site.access).await;
        let fetched = fetched.unwrap_or_else(|failure| panic!("{}: {failure}", site.url(name)));
        assert!(read(&fetched) == whole(), "{}", site.url(name));
        assert_eq!(fetched.bytes, WHOLE_BYTES as u64);
    }
    // A bucket that anyone may read is looked for at Amazon.
    if !matches!(site.scheme, "sftp" | "s3") {
        let anonymous = fetcher.fetch(&site.url("whole"), &Access::Open).await.unwrap();
        assert_eq!(anonymous.bytes, WHOLE_BYTES as u64);
    }
    assert_eq!(fetcher.files(), 0);
}

async fn expect(site: &Site, fetcher: &Fetcher, url: &str, access: &Access, wanted: (FailureCode, RetryClass)) {
    let failure = fetcher.fetch(url, access).await.map(|fetched| fetched.bytes).unwrap_err();
    assert_eq!((failure.code, failure.class), wanted, "{} {url}: {}", site.scheme, failure.detail);
    assert!(!failure.detail.contains("127.0.0"), "{url}: {}", failure.detail);
    assert_eq!(fetcher.files(), 0, "{url}");
}

async fn what_is_wrong_with_a_file_has_its_code(site: &Site) {
    let is_http = site.scheme.starts_with("http");
    // nginx leads a directory to its slash, and has no list of it.
    let directory = match site.scheme {
        "s3" => OriginNotFound,
        _ if is_http => OriginForbidden,
        _ => OriginStatus,
    };
    let table = [
        ("missing", OriginNotFound, Permanent),
        ("no/such/folder/missing", OriginNotFound, Permanent),
        ("forbidden", OriginForbidden, Permanent),
        ("empty", NotAnImage, Permanent),
        ("huge", TooLarge, Permanent),
        ("directory", directory, Permanent),
        ("directory/", directory, Permanent),
    ];
    let fetcher = site.fetcher(&[]).await;
    for (name, code, class) in table {
        expect(site, &fetcher, &site.url(name), &site.access, (code, class)).await;
    }
}

async fn what_is_wrong_with_a_login_has_its_code(site: &Site) {
    let fetcher = site.fetcher(&[]).await;
    expect(site, &fetcher, &site.url("private/whole"), &site.wrong, (BadCredentials, Permanent)).await;
    if !site.scheme.starts_with("ftp") && site.scheme != "s3" {
        expect(site, &fetcher, &site.url("private/whole"), &Access::Open, (OriginForbidden, Permanent)).await;
    }
}

async fn a_transfer_that_breaks_off_is_continued(site: &Site) {
    let fetcher = site.fetcher(&[]).await;
    site.proxy.set(Fault::Cut(WHOLE_BYTES / 3 + 10_000));
    let fetched = fetcher.fetch(&site.url("whole"), &site.access).await;
    let fetched = fetched.unwrap_or_else(|failure| panic!("{}: {failure}", site.scheme));
    assert!(read(&fetched) == whole(), "{}", site.scheme);
    drop(fetched);
    // Where each connection brings too little, it is given up. None is kept that has brought its share already.
    let fetcher = site.fetcher(&[]).await;
    site.proxy.set(Fault::Cut(WHOLE_BYTES / 20));
    expect(site, &fetcher, &site.url("whole"), &site.access, (OriginIncomplete, Transient)).await;
    site.proxy.set(Fault::None);
}

async fn a_server_that_is_too_slow_is_left(site: &Site) {
    let fetcher = site.fetcher(&["--fetch-min-rate=100000"]).await;
    for fault in [Fault::Stall(WHOLE_BYTES / 3), Fault::Slow(700)] {
        site.proxy.set(fault);
        expect(site, &fetcher, &site.url("whole"), &site.access, (OriginTimeout, Transient)).await;
    }
    site.proxy.set(Fault::Stall(0));
    let hasty = site.fetcher(&["--fetch-header-seconds=1"]).await;
    expect(site, &hasty, &site.url("whole"), &site.access, (OriginTimeout, Transient)).await;
    site.proxy.set(Fault::None);
    let fetched = fetcher.fetch(&site.url("whole"), &site.access).await.unwrap();
    assert_eq!(fetched.bytes, WHOLE_BYTES as u64);
}

async fn nobody_there(site: &Site) {
    let fetcher = site.fetcher(&[]).await;
    let closed = free_ports(1).unwrap();
    let url = site.url("whole").replace(&format!(":{}/", site.port), &format!(":{closed}/"));
    let access = site.access_at(Proxy::HOST, closed);
    expect(site, &fetcher, &url, &access, (OriginUnreachable, Transient)).await;
    let nowhere = "no-such-host.invalid";
    let (unknown, access) = (site.url_at(nowhere, "whole"), site.access_at(nowhere, site.port));
    let failure = fetcher.fetch(&unknown, &access).await.map(|fetched| fetched.bytes).unwrap_err();
    assert_eq!(failure.code, OriginUnreachable, "{}", failure.detail);
}
