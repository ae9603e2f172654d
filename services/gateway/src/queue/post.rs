//! `POST /customers/{c}/queue` and `/queue/priority`: registers a collection of images, all or none.

use actix_web::http::header::HeaderName;
use actix_web::web::{Bytes, Data, block};
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{BatchInput, BatchRules, Faults, Links, MemberInput, ProblemKind, Resource};
use dlcs_db::queue::{AcceptError, Idempotency, NewBatch, NewImage, accept};
use dlcs_db::{batch, space};
use dlcs_http::{Answer, Authorized, JsonText, Problem, PublicLinks, view};
use dlcs_model::limits::NAME_CHARS;
use dlcs_model::{BatchId, CustomerId, Lane};
use sha2::{Digest, Sha256};

use crate::{Gateway, images};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Registers in the normal lane.
#[utoipa::path(
    post,
    path = "/customers/{customer}/queue",
    operation_id = "postBatch",
    tag = "queue",
    params(dlcs_api::requests::Repeatable),
    request_body = dlcs_api::requests::BatchRequest,
    responses(
        (status = 200, description = "The batch that this idempotency key made before.", body = dlcs_api::Batch),
        (status = 201, description = "The new batch.", body = dlcs_api::Batch),
        (status = 422, description = "The idempotency key was used for another request."),
        (status = 507, description = "The customer's storage is full."),
    ),
)]
pub async fn post(
    request: HttpRequest,
    authorized: Authorized,
    body: JsonText,
    links: PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    register(&request, authorized.customer, Lane::Normal, body, &links.0, gateway).await
}

/// Registers in the priority lane.
#[utoipa::path(
    post,
    path = "/customers/{customer}/queue/priority",
    operation_id = "postPriorityBatch",
    tag = "queue",
    params(dlcs_api::requests::Repeatable),
    request_body = dlcs_api::requests::BatchRequest,
    responses(
        (status = 200, description = "The batch that this idempotency key made before.", body = dlcs_api::Batch),
        (status = 201, description = "The new batch.", body = dlcs_api::Batch),
        (status = 422, description = "The idempotency key was used for another request."),
        (status = 507, description = "The customer's storage is full."),
    ),
)]
pub async fn post_priority(
    request: HttpRequest,
    authorized: Authorized,
    body: JsonText,
    links: PublicLinks,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    register(&request, authorized.customer, Lane::Priority, body, &links.0, gateway).await
}

async fn register(
    request: &HttpRequest,
    customer: CustomerId,
    lane: Lane,
    body: JsonText,
    links: &Links,
    gateway: Data<Gateway>,
) -> Result<HttpResponse, Problem> {
    let idempotency = idempotency(request, lane, &body)?;
    // The room is kept until the batch is stored.
    let JsonText { bytes, admitted: _admitted } = body;
    let input = read(customer, bytes, &gateway).await?;
    let count = input.members.len() as u64;
    let members = input.members.into_iter().map(new_image).collect();
    let new = NewBatch { customer, lane, label: input.label, immediate: false, only_new: false, members, idempotency };
    let timer = gateway.metrics.accept.start_timer();
    let mut db = gateway.database.get().await?;
    let accepted = accept(&mut db, &new).await;
    let (batch, repeated) = match accepted {
        Ok(accepted) => {
            timer.observe_duration();
            gateway.metrics.members.inc_by(count);
            gateway.accepted.notify_one();
            (accepted.batch, false)
        }
        Err(AcceptError::Replay(batch)) => {
            timer.stop_and_discard();
            (batch, true)
        }
        Err(error) => return Err(refused(error, customer)),
    };
    answer(request, links, customer, batch, repeated, &mut db).await
}

/// The key of a request that may come again, with what makes another request another.
fn idempotency(request: &HttpRequest, lane: Lane, body: &JsonText) -> Result<Option<Idempotency>, Problem> {
    let Some(value) = request.headers().get(&IDEMPOTENCY_KEY) else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| (1..=NAME_CHARS).contains(&key.len()));
    let fault = || {
        let detail = format!("an idempotency key has 1 to {NAME_CHARS} printable ASCII characters");
        Problem::fault("invalid-idempotency-key", IDEMPOTENCY_KEY.as_str(), detail)
    };
    let hash = Sha256::new().chain_update(lane.as_str()).chain_update(b"\n").chain_update(&body.bytes).finalize();
    Ok(Some(Idempotency { key: key.ok_or_else(fault)?.to_owned(), request_hash: hash.to_vec() }))
}

/// Reads the body against the spaces that exist; a large one on a thread of its own.
async fn read(customer: CustomerId, bytes: Bytes, gateway: &Gateway) -> Result<BatchInput, Problem> {
    let spaces = space::numbers(&mut *gateway.database.get().await?, customer).await?;
    let max_members = gateway.max_members;
    let input = block(move || BatchInput::read(&bytes, &BatchRules { customer, spaces: &spaces, max_members })).await;
    Ok(input.map_err(Problem::internal)?.map_err(Problem::malformed)??)
}

fn new_image(member: MemberInput) -> NewImage {
    let MemberInput { space, id, origin, fields } = member;
    NewImage { origin: Some(origin), ..images::new_image(space, id, fields) }
}

/// What can still go wrong between reading the request and storing it.
fn refused(error: AcceptError, customer: CustomerId) -> Problem {
    let at = |ordinals: &[usize], name: &str, code: &'static str, detail: &str| {
        let mut faults = Faults::default();
        for ordinal in ordinals {
            faults.add(code, || format!("/member/{ordinal}/{name}"), || detail.to_owned());
        }
        Problem::from(faults)
    };
    match error {
        AcceptError::UnknownSpaces(ordinals) => {
            at(&ordinals, "space", "unknown-space", "there is no such space any more")
        }
        AcceptError::BytesOnly(ordinals) => {
            at(&ordinals, "origin", "missing-origin", "the image was registered by its bytes and has no origin")
        }
        AcceptError::MissingOrigins(ordinals) => at(&ordinals, "origin", "missing-origin", "there is no origin"),
        AcceptError::Duplicates(ordinals) => at(&ordinals, "id", "duplicate-id", "another member has this id"),
        AcceptError::Exists(ordinals) => at(&ordinals, "id", "exists", "there is such an image"),
        AcceptError::Empty => Problem::fault("empty", "/member", "there must be at least one image"),
        AcceptError::KeyReused => {
            let detail = format!("Customer {customer} used this idempotency key for another request.");
            Problem::new(ProblemKind::IdempotencyMismatch, detail)
        }
        AcceptError::Replay(batch) => Problem::internal(format!("batch {batch} was not recognised as a replay")),
        AcceptError::OverQuota(quota) => Problem::new(ProblemKind::OverQuota, quota.to_string()),
        AcceptError::Refused => Problem::internal("a batch was accepted under no condition, and refused"),
        AcceptError::Db(error) => error.into(),
    }
}

async fn answer(
    request: &HttpRequest,
    links: &Links,
    customer: CustomerId,
    batch: BatchId,
    repeated: bool,
    db: &mut dlcs_db::AsyncPgConnection,
) -> Result<HttpResponse, Problem> {
    let row = batch::get(db, customer, batch).await?;
    let row = row.ok_or_else(|| Problem::internal(format!("batch {batch} cannot be read after its commit")))?;
    let url = links.batch(customer, batch);
    let body = Resource::top(links, url.clone(), view::batch(links, row, chrono::Utc::now()));
    if repeated { Answer::ok(request).location(&url) } else { Answer::created(request, &url) }.body(&body)
}
