//! One transfer, whatever the protocol: within its time, at a minimum rate, up to a size, continued where it broke off.

use bytes::Bytes;
use dlcs_model::{Failure, FailureCode};
use tokio::time::{Instant, timeout, timeout_at};

use super::source::{Body, Opened, Source};
use super::staging::{Fetched, Sink, Workshop};
use crate::settings::FetchSettings;

/// How often one transfer is continued after it broke off. Each time must have brought something.
const RESUMES: usize = 5;

/// Bytes that a probe reads.
const PROBE_BYTES: u64 = 64 * 1024;

/// What a look at an origin found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probed {
    /// How many bytes there are, if the origin says so.
    pub bytes: Option<u64>,
    /// What the origin says they are.
    pub media_type: Option<String>,
}

/// The rules of transfers.
pub(super) struct Transfers {
    pub(super) settings: FetchSettings,
    pub(super) workshop: Workshop,
}

impl Transfers {
    /// Brings everything into a local file.
    pub(super) async fn fetch(&self, source: &mut dyn Source) -> Result<Fetched, Failure> {
        let late = || timed_out(format!("the origin did not finish within {} s", self.settings.total.as_secs()));
        timeout(self.settings.total, self.receive(source)).await.unwrap_or_else(|_| Err(late()))
    }

    /// Reads the first bytes and forgets them.
    pub(super) async fn probe(&self, source: &mut dyn Source) -> Result<Probed, Failure> {
        let Opened { mut body, total, media_type, .. } = self.open(source, 0).await?;
        let mut window = Window::open(&self.settings, 0);
        let mut read = 0;
        while read < PROBE_BYTES {
            match window.chunk(body.as_mut(), read).await? {
                Some(chunk) => read += chunk.len() as u64,
                None => return Ok(Probed { bytes: Some(read), media_type }),
            }
        }
        Ok(Probed { bytes: total, media_type })
    }

    async fn receive(&self, source: &mut dyn Source) -> Result<Fetched, Failure> {
        let mut opened = self.open(source, 0).await?;
        let media_type = opened.media_type.take();
        let mut sink = self.workshop.begin(opened.total)?;
        let mut resumes = 0;
        loop {
            let before = sink.bytes();
            let Err(failure) = self.drain(&mut opened, &mut sink).await else { break };
            let broke_off = failure.code == FailureCode::OriginIncomplete && sink.bytes() > before;
            if !broke_off || opened.version.is_none() || resumes == RESUMES {
                return Err(failure);
            }
            resumes += 1;
            opened = self.resume(source, opened, &mut sink).await?;
        }
        if sink.bytes() == 0 {
            return Err(Failure::new(FailureCode::NotAnImage, "there are no bytes at the origin: it is empty"));
        }
        sink.finish(media_type).await
    }

    async fn resume(&self, source: &mut dyn Source, broken: Opened, sink: &mut Sink) -> Result<Opened, Failure> {
        let Opened { version, total, body, .. } = broken;
        drop(body);
        let opened = self.open(source, sink.bytes()).await?;
        if opened.from == 0 {
            sink.restart(opened.total).await?;
        } else if opened.from != sink.bytes() || opened.version != version || opened.total != total {
            return Err(incomplete(sink.bytes(), total));
        }
        Ok(opened)
    }

    async fn open(&self, source: &mut dyn Source, from: u64) -> Result<Opened, Failure> {
        let late = || timed_out(format!("the origin did not answer within {} s", self.settings.header.as_secs()));
        timeout(self.settings.header, source.open(from)).await.unwrap_or_else(|_| Err(late()))
    }

    /// Writes a body as it comes, to its end.
    async fn drain(&self, opened: &mut Opened, sink: &mut Sink) -> Result<(), Failure> {
        let Opened { body, total, .. } = opened;
        let mut window = Window::open(&self.settings, sink.bytes());
        loop {
            match window.chunk(body.as_mut(), sink.bytes()).await {
                Ok(Some(chunk)) => sink.write(&chunk).await?,
                Ok(None) if total.is_none_or(|total| total == sink.bytes()) => return Ok(()),
                Err(failure) if failure.code != FailureCode::OriginIncomplete => return Err(failure),
                Ok(None) | Err(_) => return Err(incomplete(sink.bytes(), *total)),
            }
        }
    }
}

/// A span of time in which enough has to come.
struct Window<'s> {
    settings: &'s FetchSettings,
    end: Instant,
    before: u64,
}

impl<'s> Window<'s> {
    fn open(settings: &'s FetchSettings, received: u64) -> Self {
        Self { settings, end: Instant::now() + settings.rate_window, before: received }
    }

    /// The next bytes, as long as each window brings enough of them.
    async fn chunk(&mut self, body: &mut dyn Body, received: u64) -> Result<Option<Bytes>, Failure> {
        loop {
            if Instant::now() >= self.end {
                self.judge(received)?;
            }
            if let Ok(chunk) = timeout_at(self.end, body.chunk()).await {
                return chunk;
            }
        }
    }

    fn judge(&mut self, received: u64) -> Result<(), Failure> {
        let FetchSettings { rate_window, min_rate, .. } = *self.settings;
        let least = (rate_window.as_secs_f64() * f64::from(min_rate)) as u64;
        if received - self.before < least {
            return Err(timed_out(format!("the origin sends less than {min_rate} bytes a second")));
        }
        *self = Self::open(self.settings, received);
        Ok(())
    }
}

fn timed_out(detail: String) -> Failure {
    Failure::new(FailureCode::OriginTimeout, detail)
}

/// A transfer that ended, or broke off, before its end.
fn incomplete(received: u64, total: Option<u64>) -> Failure {
    let of = total.map(|bytes| format!(" of {bytes}")).unwrap_or_default();
    Failure::new(FailureCode::OriginIncomplete, format!("the transfer ended after {received}{of} bytes"))
}
