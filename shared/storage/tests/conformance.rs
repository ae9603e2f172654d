//! What any store must do, run against a folder and against a real S3 server.

#![cfg(test)]

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use dlcs_storage::{Removed, StorageSettings, Store};
use rand::Rng;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_folder_is_a_store() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    conformance(&Store::connect(&StorageSettings::folder(folder.path())).await?).await
}

/// `DLCS_TEST_S3_ENDPOINT` names a server with the bucket `dlcs-test`; `deploy/local/test` starts one.
#[tokio::test]
async fn a_bucket_is_a_store() -> anyhow::Result<()> {
    let endpoint = std::env::var("DLCS_TEST_S3_ENDPOINT").expect("no DLCS_TEST_S3_ENDPOINT: run ./deploy/local/test");
    let mut settings = StorageSettings::folder("/".as_ref());
    settings.storage_url = format!("s3://dlcs-test/run-{}", uuid::Uuid::new_v4().simple());
    settings.storage_endpoint = Some(endpoint);
    settings.storage_access_key = Some("test".to_owned());
    settings.storage_secret_key = Some("test-secret".into());
    conformance(&Store::connect(&settings).await?).await
}

#[tokio::test]
async fn other_urls_are_refused() {
    for url in ["http://host/x", "/tmp/x", "s3:///prefix", "file://host/x"] {
        let mut settings = StorageSettings::folder("/".as_ref());
        url.clone_into(&mut settings.storage_url);
        assert!(Store::connect(&settings).await.is_err(), "{url}");
    }
}

async fn conformance(store: &Store) -> anyhow::Result<()> {
    small_objects(store).await?;
    large_files(store).await?;
    listing(store).await?;
    removal(store).await
}

async fn small_objects(store: &Store) -> anyhow::Result<()> {
    assert!(store.get("images/1/absent").await.unwrap_err().is_not_found());
    assert!(store.get_range("images/1/absent", 0, 1).await.unwrap_err().is_not_found());
    assert!(store.size("images/1/absent").await.unwrap_err().is_not_found());
    store.put("images/1/a", "text/plain", Bytes::from_static(b"first")).await?;
    store.put("images/1/a", "text/plain", Bytes::from_static(b"second one")).await?;
    assert_eq!(store.get("images/1/a").await?, "second one");
    assert_eq!(store.size("images/1/a").await?, 10);
    assert_eq!(store.get_range("images/1/a", 7, 3).await?, "one");
    assert_eq!(store.get_range("images/1/a", 3, 0).await?, "");
    let past_the_end = store.get_range("images/1/a", 7, 4).await.unwrap_err();
    assert!(past_the_end.to_string().contains("ends before byte"), "{past_the_end}");
    Ok(())
}

async fn large_files(store: &Store) -> anyhow::Result<()> {
    let work = tempfile::tempdir()?;
    let mut bytes = vec![0; 35 << 20];
    rand::rng().fill_bytes(&mut bytes);
    let source = work.path().join("source");
    std::fs::write(&source, &bytes)?;
    store.put_file("images/1/deep/er/large", "image/tiff", &source).await?;
    assert_eq!(store.size("images/1/deep/er/large").await?, bytes.len() as u64);
    let range = store.get_range("images/1/deep/er/large", 16_777_000, 5_000).await?;
    assert!(range == bytes[16_777_000..16_782_000]);
    let local = store.local("images/1/deep/er/large", work.path()).await?;
    assert!(std::fs::read(&*local)? == bytes);
    assert!(store.local("images/1/absent", work.path()).await.unwrap_err().is_not_found());
    Ok(())
}

async fn listing(store: &Store) -> anyhow::Result<()> {
    assert!(store.list("staging", None).await?.is_empty());
    let keys: BTreeSet<_> = (0..1005).map(|n| format!("staging/{}/{n}-x", n % 7)).collect();
    for key in &keys {
        store.put(key, "text/plain", Bytes::from_static(b"bytes")).await?;
    }
    store.put("staging2/x", "text/plain", Bytes::from_static(b"-")).await?;
    let first = store.list("staging", None).await?;
    let second = store.list("staging", first.last().map(|object| object.key.as_str())).await?;
    assert_eq!((first.len(), second.len()), (1000, 5));
    assert!(store.list("staging", second.last().map(|object| object.key.as_str())).await?.is_empty());
    assert!(first.iter().all(|object| object.bytes == 5 && object.modified.elapsed().unwrap_or_default() < HOUR));
    assert_eq!(first.into_iter().chain(second).map(|object| object.key).collect::<BTreeSet<_>>(), keys);
    Ok(())
}

async fn removal(store: &Store) -> anyhow::Result<()> {
    for key in ["images/1/g1/x", "images/1/g1/y", "images/1/g10/z"] {
        store.put(key, "text/plain", Bytes::from_static(b"-")).await?;
    }
    assert_eq!(store.delete_prefix("images/1/g1").await?, Removed { objects: 2, bytes: 2 });
    assert_eq!(store.delete_prefix("images/1/g1").await?, Removed::default());
    assert_eq!(store.get("images/1/g10/z").await?, "-");
    store.delete("images/1/g10/z").await?;
    store.delete("images/1/g10/z").await?;
    assert!(store.get("images/1/g10/z").await.unwrap_err().is_not_found());
    Ok(())
}
