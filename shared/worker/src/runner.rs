//! A job from the hint to the acknowledgement: claim, run under a lease that is kept alive, commit by its token.
//!
//! Everything here can be repeated: a hint that comes twice finds nothing to claim, and whoever lost the lease can
//! change nothing any more and takes back what it has stored.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use dlcs_broker::{Broker, Publisher, Slots, Verdict, consume};
use dlcs_db::Database;
use dlcs_db::queue::{self, Claim, Dispatched, Failed};
use dlcs_messages::{Event, Hint};
use dlcs_model::{Failure, FailureCode, Stage};
use dlcs_service::{CancellationToken, Context};
use tokio::time::sleep;

use crate::WorkerSettings;
use crate::lease::{self, Backoff};
use crate::metrics::Metrics;
use crate::work::{CommitError, Committed, Work};

/// How long running jobs may go on after the shutdown; what is not done by then is released.
const DRAIN: Duration = Duration::from_secs(25);
/// How long the end of a job is kept while the database cannot take it. Nobody else can take the item over meanwhile.
const PATIENCE: Duration = Duration::from_secs(600);
/// Seconds after which an item goes out again whose hint the broker did not take.
const UNPUBLISHED: u32 = 1;

/// What a worker works with.
#[derive(Clone)]
pub struct Tools {
    /// Where the truth is.
    pub database: Database,
    /// Where the hints come from.
    pub broker: Broker,
    /// The process.
    pub context: Context,
}

/// Works on the items of a stage until the shutdown; then gives the running jobs 25 s.
///
/// # Errors
/// If the metrics cannot be registered.
pub async fn serve<W: Work>(work: W, slots: Slots, settings: &WorkerSettings, tools: &Tools) -> anyhow::Result<()> {
    let Tools { database, broker, context } = tools;
    let runner = Arc::new(Runner {
        work,
        database: database.clone(),
        publisher: Publisher::new(broker),
        worker: worker_name(context.name),
        heartbeat: Duration::from_secs(settings.heartbeat.max(1)),
        metrics: Metrics::register(context)?,
        shutdown: context.shutdown.clone(),
    });
    let handler = move |hint| {
        let runner = runner.clone();
        async move { runner.handle(hint).await }
    };
    context.ready(true);
    consume(broker, W::STAGE, slots, handler, context.shutdown.clone()).await;
    Ok(())
}

/// Names this process in leases, for whoever looks at them.
fn worker_name(service: &str) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{service} {} {}", host.trim(), std::process::id())
}

struct Runner<W> {
    work: W,
    database: Database,
    publisher: Publisher,
    worker: String,
    heartbeat: Duration,
    metrics: Metrics,
    shutdown: CancellationToken,
}

/// How an attempt ended.
enum End {
    Done {
        bytes: u64,
        next: Option<Dispatched>,
    },
    Again {
        failure: Failure,
        at: DateTime<Utc>,
        stage: Stage,
    },
    Failed {
        failure: Failure,
    },
    Fenced,
    Released,
    /// The database would not have it: the lease runs out.
    Stuck,
}

/// Who may know of what a job has stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    /// Nobody: no commit was tried.
    Private,
    /// A commit was tried and its answer was lost or bad.
    Offered,
}

/// What is to be told to the database.
enum Report<O> {
    Success(O),
    Failure(Failure),
}

impl<W: Work> Runner<W> {
    async fn handle(&self, hint: Hint) -> Verdict {
        let claim = match lease::claim(&self.database, &hint, &self.worker, &self.shutdown).await {
            Ok(Some(claim)) => claim,
            Ok(None) => return Verdict::Done,
            Err(error) if error.is_transient() => return Verdict::Release,
            Err(error) => {
                tracing::error!(%error, batch = %hint.batch, ordinal = hint.ordinal, "a claim failed");
                return Verdict::Done;
            }
        };
        self.metrics.in_progress.inc();
        let start = Instant::now();
        let end = self.attempt(&claim).await;
        let duration = start.elapsed();
        self.metrics.in_progress.dec();
        self.count(&end, duration);
        log(&claim, &end, duration);
        match end {
            End::Released => Verdict::Release,
            End::Done { .. } | End::Again { .. } | End::Failed { .. } | End::Fenced | End::Stuck => Verdict::Done,
        }
    }

    async fn attempt(&self, claim: &Claim) -> End {
        let result = tokio::select! {
            result = self.work.run(claim) => result,
            () = lease::lost(&self.database, claim, self.heartbeat) => {
                self.work.discard(claim).await;
                return End::Fenced;
            }
            () = self.out_of_time() => return self.release(claim).await,
        };
        let report = match result {
            Ok(output) => Report::Success(output),
            Err(failure) => Report::Failure(failure),
        };
        let (end, output) = self.settle(claim, report).await;
        self.follow_up(claim, &end, output).await;
        end
    }

    /// Tells the database how the job ended, however long that takes.
    async fn settle(&self, claim: &Claim, mut report: Report<W::Output>) -> (End, Stored) {
        let (start, mut backoff) = (Instant::now(), Backoff::new());
        let mut output = Stored::Private;
        loop {
            let error = match self.tell(claim, &report).await {
                Ok(end) => return (end, output),
                Err(CommitError::Failed(failure)) => {
                    output = Stored::Offered;
                    report = Report::Failure(failure);
                    continue;
                }
                Err(CommitError::Refused(failure)) => {
                    report = Report::Failure(failure);
                    continue;
                }
                Err(CommitError::Database(error)) => error,
            };
            if matches!(report, Report::Success(_)) {
                output = Stored::Offered;
            }
            if !error.is_transient() || start.elapsed() > PATIENCE {
                tracing::error!(%error, batch = %claim.batch, ordinal = claim.ordinal, "the end of a job is lost");
                return (End::Stuck, output);
            }
            tracing::warn!(%error, batch = %claim.batch, ordinal = claim.ordinal, "the end of a job has to wait");
            backoff.pause().await;
        }
    }

    async fn tell(&self, claim: &Claim, report: &Report<W::Output>) -> Result<End, CommitError> {
        let mut conn = self.database.get().await?;
        match report {
            Report::Success(output) => match self.work.commit(&mut conn, claim, output).await? {
                Committed::Done { bytes, next } => Ok(End::Done { bytes, next }),
                Committed::Fenced => Ok(End::Fenced),
            },
            Report::Failure(failure) => {
                let failure = failure.clone();
                Ok(match queue::fail(&mut conn, claim, &failure).await? {
                    Failed::Retry { at, stage } => End::Again { failure, at, stage },
                    Failed::Ended => End::Failed { failure },
                    Failed::Fenced => End::Fenced,
                })
            }
        }
    }

    /// What is worth doing after the commit, and harmless to lose.
    async fn follow_up(&self, claim: &Claim, end: &End, output: Stored) {
        match end {
            End::Done { next, .. } => {
                match next {
                    Some(next) => self.publish(*next).await,
                    None => {
                        let changed = Event::ImageChanged { image: claim.image.clone() };
                        self.announce(&[changed, finished(claim, None)]).await;
                    }
                }
                self.work.tidy(claim).await;
            }
            End::Again { stage, .. } => {
                self.discard(claim, output).await;
                if *stage != W::STAGE {
                    self.work.tidy(claim).await;
                }
            }
            End::Failed { failure } => {
                self.announce(&[finished(claim, Some(failure.code))]).await;
                self.discard(claim, output).await;
                self.work.tidy(claim).await;
            }
            End::Fenced | End::Released => self.discard(claim, output).await,
            // It may have come through after all: whatever it stored has to stay.
            End::Stuck => {}
        }
    }

    async fn discard(&self, claim: &Claim, output: Stored) {
        match output {
            Stored::Offered if W::PUBLISHES => {}
            Stored::Private | Stored::Offered => self.work.discard(claim).await,
        }
    }

    async fn publish(&self, next: Dispatched) {
        let published = self.publisher.publish_hints(&[(next.lane, next.hint)]).await;
        if published.is_ok_and(|stored| stored == [true]) {
            return;
        }
        let undone = async { queue::undispatch(&mut *self.database.get().await?, &[next], UNPUBLISHED).await };
        if let Err(error) = undone.await {
            tracing::warn!(%error, batch = %next.hint.batch, ordinal = next.hint.ordinal, "a hint was lost for a while");
        }
    }

    async fn announce(&self, events: &[Event]) {
        for event in events {
            if let Err(error) = self.publisher.publish_event(event).await {
                tracing::debug!(%error, "an event was lost");
            }
        }
    }

    async fn release(&self, claim: &Claim) -> End {
        self.work.discard(claim).await;
        let released = async { queue::release(&mut *self.database.get().await?, claim).await };
        match released.await {
            Ok(_) => End::Released,
            Err(error) => {
                tracing::warn!(%error, batch = %claim.batch, ordinal = claim.ordinal, "a job could not be released");
                End::Stuck
            }
        }
    }

    async fn out_of_time(&self) {
        self.shutdown.cancelled().await;
        sleep(DRAIN).await;
    }

    fn count(&self, end: &End, duration: Duration) {
        let code = end.failure().map_or("", |failure| failure.code.as_str());
        self.metrics.jobs.with_label_values(&[end.word(), code]).inc();
        self.metrics.seconds.observe(duration.as_secs_f64());
        if let End::Done { bytes, .. } = end {
            self.metrics.bytes.inc_by(*bytes);
        }
    }
}

impl End {
    fn word(&self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::Again { .. } => "again",
            Self::Failed { .. } => "failed",
            Self::Fenced => "fenced",
            Self::Released => "released",
            Self::Stuck => "stuck",
        }
    }

    fn again_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Again { at, .. } => Some(*at),
            Self::Done { .. } | Self::Failed { .. } | Self::Fenced | Self::Released | Self::Stuck => None,
        }
    }

    fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Again { failure, .. } | Self::Failed { failure } => Some(failure),
            Self::Done { .. } | Self::Fenced | Self::Released | Self::Stuck => None,
        }
    }
}

/// What is told once an item has ended.
fn finished(claim: &Claim, error: Option<FailureCode>) -> Event {
    Event::ImageFinished { image: claim.image.clone(), generation: claim.generation, batch: claim.batch, error }
}

fn log(claim: &Claim, end: &End, duration: Duration) {
    let Claim { image, batch, ordinal, generation, stage, lane, attempt, .. } = claim;
    tracing::info!(
        %stage, %image, %batch, ordinal, generation, %lane, attempt,
        duration_ms = duration.as_millis() as u64,
        outcome = end.word(),
        code = end.failure().map(|failure| failure.code.as_str()),
        detail = end.failure().map(|failure| failure.detail.as_str()),
        again_at = end.again_at().map(|at| at.to_rfc3339()),
        "job"
    );
}
