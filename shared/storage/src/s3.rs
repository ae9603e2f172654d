//! A store in an S3 bucket.

use std::path::Path;
use std::time::SystemTime;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::Credentials;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use aws_sdk_s3::operation::head_object::HeadObjectError;
use aws_sdk_s3::primitives::{ByteStream, Length};
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart, Delete, Object, ObjectIdentifier};
use aws_smithy_http_client::Builder as HttpBuilder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use bytes::{Bytes, BytesMut};
use secrecy::ExposeSecret;
use tokio::io::AsyncWriteExt;
use url::Url;

use crate::list::{Listed, PAGE, Removed};
use crate::{LocalFile, StorageSettings, StoreError};

/// Parts of a multipart upload; 2 GiB stay far below S3's 10,000 parts, and memory per upload stays small.
const PART_BYTES: u64 = 16 * 1024 * 1024;

pub(crate) struct S3Store {
    client: Client,
    bucket: String,
    /// Empty, or ends with `/`.
    prefix: String,
}

impl S3Store {
    pub(crate) async fn connect(settings: &StorageSettings, url: &Url) -> Result<Self, StoreError> {
        let bucket = url.host_str().unwrap_or_default().to_owned();
        if bucket.is_empty() {
            return Err(StoreError::Settings("storage URL names no bucket".to_owned()));
        }
        let path = url.path().trim_matches('/');
        let prefix = if path.is_empty() { String::new() } else { format!("{path}/") };
        Ok(Self { client: client(settings).await, bucket, prefix })
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    pub(crate) async fn put(&self, key: &str, media_type: &str, body: Bytes) -> Result<(), StoreError> {
        let put = self.client.put_object().bucket(&self.bucket).key(self.key(key)).content_type(media_type);
        put.body(ByteStream::from(body)).send().await.map_err(|e| StoreError::s3(key, &e))?;
        Ok(())
    }

    pub(crate) async fn put_file(&self, key: &str, media_type: &str, file: &Path) -> Result<(), StoreError> {
        let size = tokio::fs::metadata(file).await.map_err(|e| StoreError::io(key, e))?.len();
        if size > PART_BYTES {
            return self.put_parts(key, media_type, file, size).await;
        }
        let body = ByteStream::from_path(file).await.map_err(|e| StoreError::s3(key, &e))?;
        let put = self.client.put_object().bucket(&self.bucket).key(self.key(key)).content_type(media_type);
        put.body(body).send().await.map_err(|e| StoreError::s3(key, &e))?;
        Ok(())
    }

    async fn put_parts(&self, key: &str, media_type: &str, file: &Path, size: u64) -> Result<(), StoreError> {
        let begin = self.client.create_multipart_upload().bucket(&self.bucket).key(self.key(key));
        let begun = begin.content_type(media_type).send().await.map_err(|e| StoreError::s3(key, &e))?;
        let upload = begun.upload_id().unwrap_or_default().to_owned();
        let sent = self.send_parts(key, &upload, file, size).await;
        if sent.is_err() {
            let abort = self.client.abort_multipart_upload().bucket(&self.bucket).key(self.key(key));
            // The first error tells more than this one; a bucket's lifecycle rule removes what stays.
            let _ = abort.upload_id(&upload).send().await;
        }
        sent
    }

    async fn send_parts(&self, key: &str, upload: &str, file: &Path, size: u64) -> Result<(), StoreError> {
        let mut parts = CompletedMultipartUpload::builder();
        for (number, offset) in (1..).zip((0..size).step_by(PART_BYTES as usize)) {
            let length = PART_BYTES.min(size - offset);
            let body = ByteStream::read_from().path(file).offset(offset).length(Length::Exact(length)).build();
            let body = body.await.map_err(|e| StoreError::s3(key, &e))?;
            let part = self.client.upload_part().bucket(&self.bucket).key(self.key(key)).upload_id(upload);
            let sent = part.part_number(number).body(body).send().await.map_err(|e| StoreError::s3(key, &e))?;
            let done = CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag().map(str::to_owned));
            parts = parts.parts(done.build());
        }
        let complete = self.client.complete_multipart_upload().bucket(&self.bucket).key(self.key(key));
        let complete = complete.upload_id(upload).multipart_upload(parts.build());
        complete.send().await.map_err(|e| StoreError::s3(key, &e))?;
        Ok(())
    }

    async fn object(&self, key: &str, range: Option<String>) -> Result<GetObjectOutput, StoreError> {
        let get = self.client.get_object().bucket(&self.bucket).key(self.key(key)).set_range(range);
        get.send().await.map_err(|error| match status(&error) {
            Some(404) => StoreError::NotFound(key.to_owned()),
            Some(416) => StoreError::Short { key: key.to_owned(), end: 0 },
            _ => StoreError::s3(key, &error),
        })
    }

    pub(crate) async fn get(&self, key: &str) -> Result<Bytes, StoreError> {
        let body = self.object(key, None).await?.body.collect().await;
        Ok(body.map_err(|e| StoreError::s3(key, &e))?.into_bytes())
    }

    pub(crate) async fn get_range(&self, key: &str, offset: u64, length: u64) -> Result<Bytes, StoreError> {
        if length == 0 {
            return Ok(Bytes::new());
        }
        let end = offset + length;
        let range = format!("bytes={offset}-{}", end - 1);
        let mut body = self.object(key, Some(range)).await?.body;
        let mut bytes = BytesMut::with_capacity(usize::try_from(length).unwrap_or_default());
        while let Some(chunk) = body.next().await {
            bytes.extend_from_slice(&chunk.map_err(|e| StoreError::s3(key, &e))?);
        }
        if bytes.len() as u64 == length {
            Ok(bytes.freeze())
        } else {
            Err(StoreError::Short { key: key.to_owned(), end })
        }
    }

    pub(crate) async fn size(&self, key: &str) -> Result<u64, StoreError> {
        let head = self.client.head_object().bucket(&self.bucket).key(self.key(key)).send().await;
        let head = head.map_err(|error| match error.as_service_error() {
            Some(HeadObjectError::NotFound(_)) => StoreError::NotFound(key.to_owned()),
            _ => StoreError::s3(key, &error),
        })?;
        Ok(head.content_length().and_then(|n| u64::try_from(n).ok()).unwrap_or_default())
    }

    pub(crate) async fn local(&self, key: &str, work_dir: &Path) -> Result<LocalFile, StoreError> {
        let io = |e| StoreError::io(key, e);
        let mut body = self.object(key, None).await?.body;
        let (file, path) = tempfile::NamedTempFile::new_in(work_dir).map_err(io)?.into_parts();
        let mut file = tokio::fs::File::from_std(file);
        while let Some(chunk) = body.next().await {
            file.write_all(&chunk.map_err(|e| StoreError::s3(key, &e))?).await.map_err(io)?;
        }
        file.flush().await.map_err(io)?;
        Ok(LocalFile::Copy(path))
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), StoreError> {
        let delete = self.client.delete_object().bucket(&self.bucket).key(self.key(key));
        delete.send().await.map_err(|e| StoreError::s3(key, &e))?;
        Ok(())
    }

    pub(crate) async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, StoreError> {
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(format!("{}/", self.key(prefix)));
        let list =
            list.max_keys(i32::try_from(PAGE).unwrap_or(i32::MAX)).set_start_after(after.map(|key| self.key(key)));
        let listed = list.send().await.map_err(|e| StoreError::s3(prefix, &e))?;
        let object = |object: &Object| {
            let key = object.key()?.strip_prefix(&self.prefix)?.to_owned();
            let bytes = object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
            Some(Listed { key, bytes, modified: SystemTime::try_from(*object.last_modified()?).ok()? })
        };
        Ok(listed.contents().iter().filter_map(object).collect())
    }

    pub(crate) async fn delete_prefix(&self, prefix: &str) -> Result<Removed, StoreError> {
        let mut removed = Removed::default();
        // Each round lists from the start, because the round before has removed what it listed.
        loop {
            let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(format!("{}/", self.key(prefix)));
            let listed = list.send().await.map_err(|e| StoreError::s3(prefix, &e))?;
            let mut objects = Vec::with_capacity(listed.contents().len());
            for object in listed.contents() {
                objects.extend(object.key().and_then(|key| ObjectIdentifier::builder().key(key).build().ok()));
                removed.add(object.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default());
            }
            if !objects.is_empty() {
                self.delete_all(prefix, objects).await?;
            }
            if listed.is_truncated() != Some(true) {
                return Ok(removed);
            }
        }
    }

    async fn delete_all(&self, prefix: &str, objects: Vec<ObjectIdentifier>) -> Result<(), StoreError> {
        let delete = Delete::builder().set_objects(Some(objects)).quiet(true).build();
        let delete = delete.map_err(|e| StoreError::s3(prefix, &e))?;
        let done = self.client.delete_objects().bucket(&self.bucket).delete(delete).send().await;
        match done.map_err(|e| StoreError::s3(prefix, &e))?.errors().first() {
            None => Ok(()),
            Some(error) => {
                let message = format!("{:?} was not deleted: {:?}", error.key(), error.message());
                Err(StoreError::S3 { key: prefix.to_owned(), message })
            }
        }
    }
}

pub(crate) async fn client(settings: &StorageSettings) -> Client {
    let http = HttpBuilder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(http);
    loader = loader.region(Region::new(settings.storage_region.clone()));
    if let Some(endpoint) = &settings.storage_endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let (Some(key), Some(secret)) = (&settings.storage_access_key, &settings.storage_secret_key) {
        loader = loader.credentials_provider(Credentials::new(key, secret.expose_secret(), None, None, "settings"));
    }
    let config = aws_sdk_s3::config::Builder::from(&loader.load().await);
    // Only Amazon itself is sure to have a host name per bucket.
    Client::from_conf(config.force_path_style(settings.storage_endpoint.is_some()).build())
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}
