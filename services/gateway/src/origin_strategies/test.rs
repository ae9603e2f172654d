//! `POST /customers/{c}/originStrategies/test`: whether an origin can be read, and how. A fetcher finds that out.

use std::time::Duration;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{Faults, Given, Links, OriginTest, Reader, Resource};
use dlcs_http::{Answer, Authorized, JsonBody, Problem, PublicLinks};
use dlcs_messages::{Found, Probe, Probed};
use dlcs_model::{CustomerId, Origin, OriginStrategy};
use serde_json::Value;

use crate::{Gateway, customers};

/// How long a fetcher may take.
const PATIENCE: Duration = Duration::from_secs(25);

/// Reads the first bytes of an origin as a fetch of it would, and says how that went; never what they are.
#[utoipa::path(
    post,
    path = "/customers/{customer}/originStrategies/test",
    operation_id = "testOrigin",
    tag = "customers",
    request_body = dlcs_api::requests::OriginTestRequest,
    responses(
        (status = 200, description = "Whether the origin can be read.", body = dlcs_api::OriginTest),
    ),
)]
pub async fn test(
    request: HttpRequest,
    authorized: Authorized,
    body: JsonBody,
    PublicLinks(links): PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let origin = read(&body.value)?;
    let customer = customers::require(&mut *gateway.database.get().await?, authorized).await?.id;
    let probe = Probe { customer, origin };
    let probed = gateway.broker.probe(&probe, PATIENCE).await.map_err(Problem::unavailable)?;
    let body = view(&links, customer, probe.origin, probed);
    Answer::ok(&request).body(&Resource::top(&links, links.origin_test(customer), body))
}

fn read(body: &Value) -> Result<String, Faults> {
    let mut faults = Faults::default();
    let Some(mut reader) = Reader::root(body, &mut faults) else { return Err(faults) };
    let known = reader.has("origin");
    let origin = match reader.text("origin", Origin::MAX_BYTES) {
        Given::Value(text) => {
            if let Err(error) = Origin::parse(&text) {
                reader.fault("origin", "invalid-origin", || error.to_string());
            }
            text
        }
        Given::Absent if known => String::new(),
        Given::Absent | Given::Null => {
            reader.fault("origin", "missing-origin", || "say which origin is to be read".to_owned());
            String::new()
        }
    };
    faults.check(origin)
}

fn view(links: &Links, customer: CustomerId, origin: String, Probed { strategy, found }: Probed) -> OriginTest {
    let built_in = || links.built_in_origin_strategy(OriginStrategy::Default);
    let strategy = strategy.map_or_else(built_in, |id| links.origin_strategy(customer, id));
    let nothing =
        OriginTest { origin, strategy, readable: false, size: None, media_type: None, error_code: None, error: None };
    match found {
        Found::Readable { bytes, media_type } => OriginTest { readable: true, size: bytes, media_type, ..nothing },
        Found::Failed { code, detail } => OriginTest { error_code: Some(code), error: Some(detail), ..nothing },
    }
}
