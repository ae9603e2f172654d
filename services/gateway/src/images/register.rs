//! Immediate registration: the same queue as any other, in the priority lane, and someone who waits for the result.

use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use dlcs_api::{Links, ProblemKind, Resource};
use dlcs_db::DbError;
use dlcs_db::image::{self, Image};
use dlcs_db::queue::{AcceptError, Accepted, Member, NewBatch, NewImage, accept_if};
use dlcs_http::{Answer, Problem, view};
use dlcs_model::{CustomerId, FailureCode, ImageKey, Lane};

use super::patch::resource;
use super::{prefer, unknown};
use crate::background::{Listener, hand_out};
use crate::{Demand, Gateway, descriptors};

/// The first and the longest pause between looks at the row, in case no event comes.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(500));

/// One image to register now.
pub struct Registration {
    /// Whose.
    pub customer: CustomerId,
    /// What.
    pub image: NewImage,
    /// Whether there must be such an image already.
    pub expected: Expected,
}

/// What must be true of an image before it is registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Nothing.
    Any,
    /// It does not exist.
    New,
    /// It exists.
    Known,
}

impl Registration {
    /// Registers, waits and answers.
    pub async fn run(
        self,
        request: &HttpRequest,
        links: &Links,
        demand: &Demand,
        gateway: &Data<Gateway>,
    ) -> Result<HttpResponse, Problem> {
        let wait = prefer::wait(request, gateway.wait);
        let Self { customer, image, expected } = self;
        let key = ImageKey { customer, space: image.space, id: image.id.clone() };
        let url = links.image(&key);
        // Interest comes before the commit, so that the result cannot be missed.
        let listener = gateway.finished.listen();
        let members = vec![image];
        let new = NewBatch {
            customer,
            lane: Lane::Priority,
            label: None,
            immediate: true,
            only_new: expected == Expected::New,
            members,
            idempotency: None,
        };
        let members = store(&new, expected, links, demand, gateway).await.map_err(|refusal| refusal.about(&url))?;
        if members.iter().any(|member| !member.created) && new.members.iter().any(NewImage::says_access) {
            // Who may see what is served until the new bytes are there.
            descriptors::follow(gateway.clone().into_inner(), vec![key.clone()]).await;
        }
        let member = members.into_iter().next().ok_or_else(|| Problem::internal("a registration without a member"))?;
        let waiting = Waiting { key: &key, member: &member, url: &url };
        match waiting.result(listener, Instant::now() + wait, gateway).await {
            Look::Ended(row) => waiting.answer(request, links, row),
            Look::Pending => waiting.not_yet(request, links, gateway).await,
        }
    }
}

/// Accepts the registration and hands its work out.
async fn store(
    new: &NewBatch,
    expected: Expected,
    links: &Links,
    demand: &Demand,
    gateway: &Data<Gateway>,
) -> Result<Vec<Member>, Problem> {
    let condition = |row: Option<&Image>| match (row, expected) {
        (None, Expected::Known) => false,
        (row, _) => demand.holds(row.cloned().map(|row| resource(links, row))),
    };
    let timer = gateway.metrics.accept.start_timer();
    let accepted = accept_if(&mut *gateway.database.get().await?, new, Some(&condition)).await;
    let Accepted { batch: _, members, hints } = match accepted {
        Ok(accepted) => accepted,
        Err(error) => {
            // After a failure of the database it may be stored all the same: the collector finds that out.
            if !matches!(error, AcceptError::Db(_)) {
                forget(&new.members, gateway).await;
            }
            return Err(refused(error, expected, demand));
        }
    };
    timer.observe_duration();
    gateway.metrics.members.inc();
    let sending = gateway.clone();
    tokio::spawn(async move { hand_out(&sending, hints).await });
    Ok(members)
}

/// Takes back the bytes of what was refused.
async fn forget(members: &[NewImage], gateway: &Gateway) {
    for upload in members.iter().filter_map(|member| member.upload.as_ref()) {
        if let Err(error) = gateway.store.delete(&upload.key).await {
            tracing::warn!(%error, "bytes of a refused registration were left behind");
        }
    }
}

fn refused(error: AcceptError, expected: Expected, demand: &Demand) -> Problem {
    match error {
        AcceptError::UnknownSpaces(_) => Problem::not_found("There is no such space."),
        AcceptError::MissingOrigins(_) if expected == Expected::Known => unknown(),
        AcceptError::MissingOrigins(_) => {
            Problem::fault("missing-origin", "/origin", "a new image must say where to fetch it")
        }
        AcceptError::BytesOnly(_) if expected == Expected::Known => {
            Problem::conflict("The image was registered by its bytes: send them again, or give it an origin.")
        }
        AcceptError::BytesOnly(_) => {
            let detail = "the image was registered by its bytes: send them again, or say where to fetch it";
            Problem::fault("missing-origin", "/origin", detail)
        }
        AcceptError::Exists(_) => Problem::conflict("There is an image with this id."),
        AcceptError::Refused => demand.refusal().unwrap_or_else(unknown),
        AcceptError::OverQuota(quota) => {
            Problem::new(ProblemKind::ImageFailed(FailureCode::QuotaExceeded), quota.to_string())
        }
        AcceptError::Db(error) => error.into(),
        AcceptError::Duplicates(_) | AcceptError::Empty | AcceptError::Replay(_) | AcceptError::KeyReused => {
            Problem::internal(error)
        }
    }
}

/// How a registration stands.
enum Look {
    /// Still on its way.
    Pending,
    /// Ended; nothing if the image is gone.
    Ended(Option<Box<Image>>),
}

/// Someone who waits for the end of one registration.
struct Waiting<'w> {
    key: &'w ImageKey,
    member: &'w Member,
    url: &'w str,
}

impl Waiting<'_> {
    /// Waits for the end of the registration, or until that takes too long.
    async fn result(&self, mut listener: Listener, until: Instant, gateway: &Gateway) -> Look {
        let timer = gateway.metrics.immediate.start_timer();
        let mut pause = PAUSES.0;
        while Instant::now() < until {
            let left = until.saturating_duration_since(Instant::now());
            // Whether it was an event, a gap or the pause: the row says how things stand.
            let _ = tokio::time::timeout(pause.min(left), listener.heard(self.key)).await;
            pause = (pause * 3 / 2).min(PAUSES.1);
            match self.look(gateway).await {
                Ok(Look::Ended(row)) => {
                    timer.observe_duration();
                    return Look::Ended(row);
                }
                Ok(Look::Pending) => {}
                Err(error) => tracing::debug!(%error, "the image could not be looked at"),
            }
        }
        timer.stop_and_discard();
        Look::Pending
    }

    /// How the registration stands.
    async fn look(&self, gateway: &Gateway) -> Result<Look, DbError> {
        let row = image::get(&mut *gateway.database.get().await?, self.key).await?;
        Ok(match row {
            None => Look::Ended(None),
            Some(row) if row.generation != self.member.generation || row.finished.is_some() => {
                Look::Ended(Some(Box::new(row)))
            }
            Some(_) => Look::Pending,
        })
    }

    fn answer(&self, request: &HttpRequest, links: &Links, row: Option<Box<Image>>) -> Result<HttpResponse, Problem> {
        let row = row.ok_or_else(|| self.deleted())?;
        if row.generation != self.member.generation {
            let detail = "A newer registration of the image took the place of this one.";
            return Err(Problem::image(FailureCode::Superseded, detail, self.url));
        }
        if let Some(code) = row.failure_code() {
            return Err(Problem::image(code, row.error.as_deref().unwrap_or_default(), self.url));
        }
        let body = Resource::top(links, self.url.to_owned(), view::image(links, *row));
        let answer = Answer::ok(request).location(self.url);
        let status = if self.member.created { StatusCode::CREATED } else { StatusCode::OK };
        answer.status(status).body(&body)
    }

    fn deleted(&self) -> Problem {
        Problem::image(FailureCode::Deleted, "The image was deleted meanwhile.", self.url)
    }

    /// 202 with the image as it is; it goes on without anyone waiting.
    async fn not_yet(&self, request: &HttpRequest, links: &Links, gateway: &Gateway) -> Result<HttpResponse, Problem> {
        let row = image::get(&mut *gateway.database.get().await?, self.key).await?;
        let row = row.ok_or_else(|| self.deleted())?;
        let body = Resource::top(links, self.url.to_owned(), view::image(links, row));
        let answer = Answer::ok(request).status(StatusCode::ACCEPTED).location(self.url);
        answer.header(HeaderName::from_static("retry-after"), "1").body(&body)
    }
}
