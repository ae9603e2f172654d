//! Signed URLs of objects in other people's buckets, which any HTTP client can then fetch for a while. Nothing is sent.

use std::time::Duration;

use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Config, Credentials, ResponseChecksumValidation};
use aws_sdk_s3::presigning::PresigningConfig;
use secrecy::{ExposeSecret, SecretString};

use crate::{StorageSettings, StoreError, s3};

/// How long a signed URL is good for: longer than the start of a fetch takes.
const LIFETIME: Duration = Duration::from_secs(900);

/// Keys of an S3 account.
#[derive(Debug, Clone)]
pub struct S3Keys<'a> {
    /// Which.
    pub access_key_id: &'a str,
    /// Its secret.
    pub secret_access_key: &'a SecretString,
    /// Of temporary keys.
    pub session_token: Option<&'a SecretString>,
}

/// A request that is signed by its URL and headers.
#[derive(Debug, Clone)]
pub struct Presigned {
    /// Where to send it.
    pub url: String,
    /// What has to be sent with it.
    pub headers: Vec<(String, String)>,
}

/// Signs for one account, region and endpoint.
#[derive(Debug, Clone)]
pub struct Presigner(Client);

impl Presigner {
    /// Signs as whoever runs the system: with the keys of its own store, or what the usual AWS sources say.
    pub async fn ambient(settings: &StorageSettings) -> Self {
        Self(s3::client(settings).await)
    }

    /// Signs with keys. An endpoint is the base URL of a service that is not Amazon's.
    #[must_use]
    pub fn with_keys(keys: &S3Keys<'_>, region: &str, endpoint: Option<&str>) -> Self {
        let S3Keys { access_key_id, secret_access_key, session_token } = keys;
        let session = session_token.map(|token| token.expose_secret().to_owned());
        let credentials =
            Credentials::new(*access_key_id, secret_access_key.expose_secret(), session, None, "origin strategy");
        let mut config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(credentials)
            .response_checksum_validation(ResponseChecksumValidation::WhenRequired)
            .force_path_style(endpoint.is_some());
        config.set_endpoint_url(endpoint.map(str::to_owned));
        Self(Client::from_conf(config.build()))
    }

    /// Signs a GET.
    ///
    /// # Errors
    /// If there are no credentials, or these are no names of a bucket and an object.
    pub async fn get(&self, bucket: &str, key: &str) -> Result<Presigned, StoreError> {
        let failed = |message: String| StoreError::S3 { key: key.to_owned(), message };
        let lifetime = PresigningConfig::expires_in(LIFETIME).map_err(|e| failed(e.to_string()))?;
        let signed = self.0.get_object().bucket(bucket).key(key).presigned(lifetime).await;
        let signed = signed.map_err(|e| StoreError::s3(key, &e))?;
        let headers = signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Presigned { url: signed.uri().to_owned(), headers })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn sign(region: &str, endpoint: Option<&str>, bucket: &str, key: &str) -> String {
        let secret = SecretString::from("very secret");
        let token = SecretString::from("tok/en+=");
        let keys = S3Keys { access_key_id: "AKID", secret_access_key: &secret, session_token: Some(&token) };
        let signed = Presigner::with_keys(&keys, region, endpoint).get(bucket, key).await.unwrap();
        assert!(signed.headers.is_empty(), "{:?}", signed.headers);
        signed.url
    }

    #[tokio::test]
    async fn urls_lead_to_the_bucket_and_never_show_the_secret() {
        let amazon = sign("eu-west-1", None, "masters", "a b/ü.tif").await;
        assert!(amazon.starts_with("https://masters.s3.eu-west-1.amazonaws.com/a%20b/%C3%BC.tif?"), "{amazon}");
        assert!(amazon.contains("X-Amz-Security-Token=tok%2Fen%2B%3D") && amazon.contains("AKID%2F"), "{amazon}");
        let other = sign("garage", Some("http://127.0.0.1:3900"), "masters", "a(1).jpg").await;
        assert!(other.starts_with("http://127.0.0.1:3900/masters/a%281%29.jpg?"), "{other}");
        assert!(!amazon.contains("secret") && !other.contains("secret"));
    }
}
