//! S3 origins: `s3://bucket/key`, and the https URLs of a bucket where a strategy says that they are. What is fetched is a
//! signed URL, by the same client and past the same guard as any other.

use async_trait::async_trait;
use dlcs_model::{Credentials, Failure, FailureCode, Origin, Scheme};
use dlcs_storage::{Presigned, Presigner, S3Keys, StorageSettings};
use percent_encoding::percent_decode_str;
use reqwest::{Response, StatusCode};
use tokio::sync::OnceCell;
use url::Url;

use super::http::answer::{self, Answer, Asked};
use super::http::{Http, resuming};
use super::source::{Opened, Source};
use crate::access::Access;
use crate::settings::{AmbientBucket, FetchSettings};

/// Where a bucket is looked for if nobody says more; the answer then tells its region.
const DEFAULT_REGION: &str = "us-east-1";

/// Of an error's body, only so much is looked at.
const ERROR_BYTES: usize = 8 * 1024;

/// How S3 is spoken.
pub(super) struct S3 {
    storage: StorageSettings,
    own_bucket: Option<String>,
    ambient_buckets: Vec<AmbientBucket>,
    ambient: OnceCell<Presigner>,
}

impl S3 {
    pub(super) fn new(settings: &FetchSettings, storage: &StorageSettings) -> Self {
        let own = storage.storage_url.strip_prefix("s3://").and_then(|rest| rest.split('/').next());
        Self {
            storage: storage.clone(),
            own_bucket: own.map(str::to_owned),
            ambient_buckets: settings.ambient_buckets.0.clone(),
            ambient: OnceCell::new(),
        }
    }

    async fn ambient(&self) -> &Presigner {
        self.ambient.get_or_init(|| Presigner::ambient(&self.storage)).await
    }

    /// Our own bucket holds what all customers have, under keys that are ours.
    fn judge(&self, object: &Object, customer: dlcs_model::CustomerId, access: &Access) -> Result<(), Failure> {
        if self.own_bucket.as_ref() == Some(&object.bucket) {
            return Err(crate::guard::blocked());
        }
        let ambient = matches!(access, Access::S3Ambient);
        if ambient && !self.ambient_buckets.iter().any(|allowed| allowed.admits(customer, &object.bucket)) {
            let detail = "the bucket is not one that is read with the credentials of this system";
            return Err(Failure::new(FailureCode::OriginForbidden, detail));
        }
        Ok(())
    }
}

/// An object in a bucket.
#[derive(Debug, PartialEq, Eq)]
struct Object {
    bucket: String,
    key: String,
    region: Option<String>,
    /// The base URL of the service, if it is not Amazon's.
    endpoint: Option<String>,
}

impl Object {
    /// What an origin names; `endpoint` is the service that its strategy names.
    fn of(origin: &Origin, endpoint: Option<&str>) -> Option<Self> {
        let url = origin.url();
        let (host, path) = (url.host_str()?, decoded(url.path().strip_prefix('/')?)?);
        let endpoint = endpoint.map(|endpoint| endpoint.trim_end_matches('/').to_owned());
        let (bucket, key, region) = match origin.scheme() {
            Scheme::S3 => (host.to_owned(), path, None),
            Scheme::Http | Scheme::Https => {
                let service = match &endpoint {
                    Some(endpoint) => Service { host: authority(&Url::parse(endpoint).ok()?)?, region: None },
                    None => Service::amazon(host)?,
                };
                let asked = authority(url)?;
                if asked == service.host {
                    let (bucket, key) = path.split_once('/')?;
                    (bucket.to_owned(), key.to_owned(), service.region)
                } else {
                    let bucket = asked.strip_suffix(&service.host)?.strip_suffix('.')?;
                    (bucket.to_owned(), path, service.region)
                }
            }
            Scheme::Ftp | Scheme::Ftps | Scheme::Sftp => return None,
        };
        (!bucket.is_empty() && !key.is_empty()).then_some(Self { bucket, key, region, endpoint })
    }

    /// Where anyone may read it, if anyone may.
    fn public_url(&self) -> String {
        let Self { bucket, key, .. } = self;
        let host = if bucket.contains('.') {
            format!("https://s3.amazonaws.com/{bucket}")
        } else {
            format!("https://{bucket}.s3.amazonaws.com")
        };
        let mut url = String::with_capacity(host.len() + key.len() + 1);
        url.push_str(&host);
        for segment in key.split('/') {
            url.push('/');
            url.extend(percent_encoding::utf8_percent_encode(segment, percent_encoding::NON_ALPHANUMERIC));
        }
        url
    }
}

/// A service that holds buckets.
struct Service {
    host: String,
    region: Option<String>,
}

impl Service {
    /// Amazon's hosts: `s3.amazonaws.com`, `s3.{region}.amazonaws.com`, `s3-{region}.amazonaws.com`, after a bucket or not.
    fn amazon(host: &str) -> Option<Self> {
        let rest = host.strip_suffix(".amazonaws.com")?;
        let service = rest.rfind("s3").map(|at| &rest[at..]).filter(|service| {
            rest.len() == service.len() || rest.as_bytes().get(rest.len() - service.len() - 1) == Some(&b'.')
        })?;
        let region = match service.strip_prefix("s3")? {
            "" => None,
            region => Some(region.strip_prefix(['.', '-'])?.to_owned()),
        };
        Some(Self { host: format!("{service}.amazonaws.com"), region })
    }
}

fn authority(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

fn decoded(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

/// One object to fetch.
pub(super) struct S3Source<'a> {
    http: &'a Http,
    s3: &'a S3,
    access: &'a Access,
    object: Object,
    version: Option<String>,
}

impl<'a> S3Source<'a> {
    /// # Errors
    /// If the origin names no object, or one that is not for this customer.
    pub(super) fn new(
        http: &'a Http,
        s3: &'a S3,
        origin: &Origin,
        customer: dlcs_model::CustomerId,
        access: &'a Access,
    ) -> Result<Self, Failure> {
        let (endpoint, region) = match access {
            Access::With(Credentials::S3 { endpoint, region, .. }) => (endpoint.as_deref(), region.clone()),
            Access::S3Ambient => (s3.storage.storage_endpoint.as_deref(), Some(s3.storage.storage_region.clone())),
            Access::Open | Access::With(_) => (None, None),
        };
        let no_object = || Failure::new(FailureCode::OriginStatus, "the origin does not name a bucket and an object");
        let mut object = Object::of(origin, endpoint).ok_or_else(no_object)?;
        s3.judge(&object, customer, access)?;
        object.region = object.region.or(region);
        Ok(Self { http, s3, access, object, version: None })
    }

    async fn sign(&self) -> Result<Presigned, Failure> {
        let Object { bucket, key, region, endpoint } = &self.object;
        let signed = match self.access {
            Access::With(Credentials::S3 { access_key_id, secret_access_key, session_token, .. }) => {
                let keys = S3Keys { access_key_id, secret_access_key, session_token: session_token.as_ref() };
                let region = region.as_deref().unwrap_or(DEFAULT_REGION);
                Presigner::with_keys(&keys, region, endpoint.as_deref()).get(bucket, key).await
            }
            Access::S3Ambient => self.s3.ambient().await.get(bucket, key).await,
            Access::Open | Access::With(_) => {
                return Ok(Presigned { url: self.object.public_url(), headers: Vec::new() });
            }
        };
        signed.map_err(|error| {
            tracing::error!(%error, "the URL of an S3 origin cannot be signed");
            Failure::internal()
        })
    }

    async fn ask(&self, from: u64) -> Result<Response, Failure> {
        let Presigned { url, headers } = self.sign().await?;
        let url = Url::parse(&url).map_err(|_| Failure::internal())?;
        let with = |request| {
            let request = resuming(request, from, self.version.as_deref());
            headers.iter().fold(request, |request: reqwest::RequestBuilder, (name, value)| request.header(name, value))
        };
        self.http.ask(&url, with).await
    }
}

#[async_trait]
impl Source for S3Source<'_> {
    async fn open(&mut self, from: u64) -> Result<Opened, Failure> {
        let mut response = self.ask(from).await?;
        // A bucket of another region tells which; the signature has to name it.
        if let Some(region) = elsewhere(&response, self.object.region.as_deref()) {
            self.object.region = Some(region);
            response = self.ask(from).await?;
        }
        let response = refused(response, !matches!(self.access, Access::Open)).await?;
        match answer::read(response, Asked { from, login: false, parts: true })? {
            Answer::Body(opened) => {
                self.version = opened.version.clone();
                Ok(opened)
            }
            Answer::Redirect(_) => {
                let detail = "the bucket is elsewhere; name its region or endpoint in the origin strategy";
                Err(Failure::new(FailureCode::OriginRedirect, detail))
            }
        }
    }
}

fn elsewhere(response: &Response, asked: Option<&str>) -> Option<String> {
    let moved = matches!(response.status(), StatusCode::MOVED_PERMANENTLY | StatusCode::BAD_REQUEST);
    let region = response.headers().get("x-amz-bucket-region")?.to_str().ok()?;
    let plain = region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (moved && plain && asked != Some(region)).then(|| region.to_owned())
}

/// A 403 says in its body whether it means the keys or the object.
async fn refused(mut response: Response, with_keys: bool) -> Result<Response, Failure> {
    if response.status() != StatusCode::FORBIDDEN || !with_keys {
        return Ok(response);
    }
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > ERROR_BYTES {
            break;
        }
    }
    let body = String::from_utf8_lossy(&body);
    let code = body.split_once("<Code>").and_then(|(_, rest)| rest.split_once("</Code>")).map_or("", |(code, _)| code);
    Err(match code {
        "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" | "TokenRefreshRequired" => {
            Failure::new(FailureCode::BadCredentials, format!("S3 refuses the keys of the origin strategy: {code}"))
        }
        _ => Failure::new(FailureCode::OriginForbidden, "S3 refuses access to the object"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(text: &str, endpoint: Option<&str>) -> Option<(String, String, Option<String>)> {
        Object::of(&Origin::parse(text).unwrap(), endpoint).map(|object| (object.bucket, object.key, object.region))
    }

    #[test]
    fn objects_are_found_in_every_form_of_url() {
        let named =
            |region: Option<&str>| Some(("masters".to_owned(), "a b/c.tif".to_owned(), region.map(str::to_owned)));
        assert_eq!(object("s3://masters/a%20b/c.tif", None), named(None));
        assert_eq!(object("https://masters.s3.amazonaws.com/a%20b/c.tif", None), named(None));
        assert_eq!(object("https://masters.s3.eu-west-1.amazonaws.com/a%20b/c.tif", None), named(Some("eu-west-1")));
        assert_eq!(object("https://s3-eu-west-1.amazonaws.com/masters/a%20b/c.tif", None), named(Some("eu-west-1")));
        assert_eq!(object("https://s3.eu-west-1.amazonaws.com/masters/a%20b/c.tif", None), named(Some("eu-west-1")));
        let garage = Some("https://garage.example:3900/");
        assert_eq!(object("https://garage.example:3900/masters/a%20b/c.tif", garage), named(None));
        assert_eq!(object("https://masters.garage.example:3900/a%20b/c.tif", garage), named(None));
        assert_eq!(object("s3://masters/a%20b/c.tif", garage), named(None));
        let dotted = object("https://my.s3.bucket.s3.eu-west-1.amazonaws.com/k", None).unwrap();
        assert_eq!((dotted.0.as_str(), dotted.2.as_deref()), ("my.s3.bucket", Some("eu-west-1")));
    }

    #[test]
    fn what_names_no_object_is_none() {
        for text in [
            "s3://masters",
            "s3://masters/",
            "https://example.org/masters/a",
            "https://s3.amazonaws.com/masters",
            "https://evils3.amazonaws.com/a",
            "https://masters.s3.amazonaws.com.evil.org/a",
            "s3://masters/%ff",
        ] {
            assert_eq!(object(text, None), None, "{text}");
        }
        assert_eq!(object("https://evilgarage.example/a/b", Some("https://garage.example")), None);
    }

    #[test]
    fn an_open_bucket_has_a_public_url() {
        let url = |text: &str| Object::of(&Origin::parse(text).unwrap(), None).unwrap().public_url();
        assert_eq!(url("s3://masters/a%20b/c%2Bd"), "https://masters.s3.amazonaws.com/a%20b/c%2Bd");
        assert_eq!(url("s3://my.bucket/k"), "https://s3.amazonaws.com/my.bucket/k");
    }
}
