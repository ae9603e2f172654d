//! What only S3 has: buckets, which may be ours, and credentials that may be.

use dlcs_model::FailureCode::{BadCredentials, BlockedAddress, OriginForbidden};
use dlcs_testkit::servers::{Proxy, S3_KEYS};
use fetcher::access::Access;

use crate::site::{Site, read, s3_login, whole};

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_named_by_its_bucket_and_key() {
    let site = Site::s3().await;
    let fetcher = site.fetcher(&[]).await;
    let fetched = fetcher.fetch("s3://masters/directory/inner", &site.access).await.unwrap();
    assert!(read(&fetched) == whole());
    for (access, code) in [(&site.wrong, "SignatureDoesNotMatch"), (&stranger(&site), "InvalidAccessKeyId")] {
        let failure = fetcher.fetch("s3://masters/whole", access).await.map(|fetched| fetched.bytes).unwrap_err();
        assert_eq!(failure.code, BadCredentials);
        assert!(failure.detail.contains(code), "{}", failure.detail);
    }
}

fn stranger(site: &Site) -> Access {
    let Access::With(dlcs_model::Credentials::S3 { secret_access_key, session_token, region, endpoint, .. }) =
        s3_login(Proxy::HOST, site.port, S3_KEYS.1)
    else {
        panic!("these are keys of S3")
    };
    let access_key_id = "AKIANOBODY".to_owned();
    Access::With(dlcs_model::Credentials::S3 { access_key_id, secret_access_key, session_token, region, endpoint })
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_bucket_is_no_origin_and_our_credentials_are_for_listed_buckets() {
    let site = Site::s3().await;
    let endpoint = format!("http://{}:{}", Proxy::HOST, site.port);
    let storage = dlcs_storage::StorageSettings {
        storage_url: "s3://ours/prefix".to_owned(),
        storage_endpoint: Some(endpoint.clone()),
        storage_region: "us-east-1".to_owned(),
        storage_access_key: Some(S3_KEYS.0.to_owned()),
        storage_secret_key: Some(S3_KEYS.1.into()),
    };
    let fetcher = site.fetcher_of(&storage, &["--fetch-ambient-buckets=masters,7/theirs,ours"]).await;
    let fetched = fetcher.fetch("s3://masters/whole", &Access::S3Ambient).await.unwrap();
    assert!(read(&fetched) == whole());
    let code = async |url: &str, access: &Access| fetcher.fetch(url, access).await.map(|_| ()).unwrap_err().code;
    assert_eq!(code("s3://theirs/x", &Access::S3Ambient).await, OriginForbidden);
    for url in ["s3://ours/prefix/images/1/x", &format!("{endpoint}/ours/prefix/images/1/x")] {
        for access in [&Access::S3Ambient, &site.access] {
            assert_eq!(code(url, access).await, BlockedAddress, "{url}");
        }
    }
}
