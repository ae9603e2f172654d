//! One request from its head to its answer, whatever it asks for.

use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use dlcs_iiif::{ImageRequest, Version};
use dlcs_storage::Store;
use prometheus::Registry;

use crate::catalogue::Catalogue;
use crate::clients::Clients;
use crate::composer::Composer;
use crate::metrics::{Kind, Metrics, RenderMetrics, StoreMetrics};
use crate::objects::{Failure, Objects};
use crate::path::{self, BadPath, Part};
use crate::refusal::Refusal;
use crate::reply::{Reply, preflight, see_information};
use crate::root::Root;
use crate::{AccessLog, DeliverySettings, information, pictures};

/// Answers that take longer are logged.
const SLOW: Duration = Duration::from_secs(1);

/// Everything that requests share.
pub(crate) struct Delivery {
    pub objects: Objects,
    pub catalogue: Catalogue,
    pub composer: Composer,
    pub clients: Arc<Clients>,
    pub root: Root,
    pub cache_control: HeaderValue,
    metrics: Metrics,
    access_log: AccessLog,
}

impl Delivery {
    pub fn new(settings: &DeliverySettings, store: Store, registry: &Registry) -> anyhow::Result<Self> {
        let objects = Objects::new(settings, store, StoreMetrics::new(registry)?);
        let clients = Arc::new(Clients::new(settings, registry)?);
        Ok(Self {
            catalogue: Catalogue::new(settings, objects.clone()),
            composer: Composer::new(settings, objects.clone(), clients.clone(), RenderMetrics::new(registry)?)?,
            clients,
            root: Root::new(settings),
            cache_control: HeaderValue::try_from(format!("public, max-age={}", settings.max_age))?,
            metrics: Metrics::new(registry)?,
            access_log: settings.access_log,
            objects,
        })
    }

    pub async fn handle(&self, request: &HttpRequest) -> HttpResponse {
        let started = Instant::now();
        let (reply, refused) = match self.answer(request).await {
            Ok(reply) => (reply, None),
            Err(refusal) => {
                let id = request_id(request);
                let response = refusal.response(request.uri().path(), &id);
                (Reply { kind: Kind::Refused, response }, Some((refusal, id)))
            }
        };
        let Reply { kind, mut response } = reply;
        let any = HeaderValue::from_static("*");
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
        let bytes = match response.body().size() {
            BodySize::Sized(bytes) => bytes,
            BodySize::None | BodySize::Stream => 0,
        };
        let (status, took) = (response.status().as_u16(), started.elapsed());
        self.metrics.count(kind, status, bytes, took);
        let logged = match self.access_log {
            AccessLog::All => true,
            AccessLog::Made => !matches!(kind, Kind::Tile | Kind::Thumbnail) || took > SLOW,
            AccessLog::Problems => status >= 400 || took > SLOW,
        };
        if logged {
            log(request, status, (kind, bytes, took), refused);
        }
        response
    }

    async fn answer(&self, request: &HttpRequest) -> Result<Reply, Refusal> {
        match *request.method() {
            Method::GET | Method::HEAD => {}
            Method::OPTIONS => return Ok(preflight()),
            _ => return Err(Refusal::Method),
        }
        if let Some(reply) = pictures::again(self, request).await {
            return Ok(reply);
        }
        let target = path::parse(request.uri().path()).map_err(|bad| match bad {
            BadPath::Unknown => Refusal::NotFound,
            BadPath::Encoding => Refusal::Encoding,
        })?;
        match &target.part {
            Part::Base => {
                self.catalogue.image(&target).await?;
                Ok(see_information(&target.base(self.root.of(request), target.version)))
            }
            Part::Information => {
                let (_, image) = self.catalogue.image(&target).await?;
                information::answer(request, self.root.of(request), &target, &image)
            }
            Part::Picture(parameters) => {
                let version = target.version.unwrap_or(Version::V3);
                let wanted = ImageRequest::parse(version, parameters.each_ref().map(AsRef::as_ref))?;
                // Objects may vanish between two looks at the descriptor; then the second look knows more.
                for _ in 0..2 {
                    let (key, image) = self.catalogue.image(&target).await?;
                    match pictures::answer(self, request, &target, &wanted, &image).await {
                        Ok(reply) => return Ok(reply),
                        Err(Failure::Refused(refusal)) => return Err(refusal),
                        Err(Failure::Gone) => self.catalogue.forget(&key).await,
                    }
                }
                Err(Refusal::NotFound)
            }
        }
    }
}

/// The id that the edge gave the request, or a new one.
fn request_id(request: &HttpRequest) -> String {
    let given = request.headers().get("x-request-id").and_then(|v| v.to_str().ok());
    let given =
        given.filter(|id| (1..=100).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic() && b != b'"'));
    given.map_or_else(|| uuid::Uuid::now_v7().to_string(), ToOwned::to_owned)
}

fn log(request: &HttpRequest, status: u16, facts: (Kind, u64, Duration), refused: Option<(Refusal, String)>) {
    let (kind, bytes, took) = facts;
    let (method, path) = (request.method().as_str(), request.uri().path());
    let (kind, micros) = (kind.name(), u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    match refused {
        Some((error, id)) if status >= 500 => {
            tracing::error!(request_id = id, method, path, status, micros, bytes, %error, "request failed");
        }
        Some((_, id)) => tracing::info!(request_id = id, method, path, status, kind, micros, bytes, "request"),
        None => {
            let id = request_id(request);
            tracing::info!(request_id = id, method, path, status, kind, micros, bytes, "request");
        }
    }
}
