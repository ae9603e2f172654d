//! `http` and `https` origins: one GET, redirects followed by hand so that each hop is judged, a body within limits.

mod answer;
mod client;

use dlcs_model::{Failure, FailureCode, Origin, Scheme};
use reqwest::Response;
use tokio::time::{Instant, timeout, timeout_at};
use url::Url;

use super::staging::{Fetched, Sink, Workshop};
use crate::guard::Guard;
use crate::settings::FetchSettings;
use answer::Answer;
use client::{Clients, HostSlots};

/// Redirects followed before we give up.
const HOPS: usize = 5;

pub(super) struct HttpOrigin {
    settings: FetchSettings,
    guard: Guard,
    clients: Clients,
    hosts: HostSlots,
}

impl HttpOrigin {
    pub(super) fn new(settings: &FetchSettings) -> anyhow::Result<Self> {
        Ok(Self {
            settings: settings.clone(),
            guard: settings.guard(),
            clients: Clients::new(settings)?,
            hosts: HostSlots::new(settings.per_host),
        })
    }

    pub(super) async fn fetch(&self, origin: &Origin, workshop: &Workshop) -> Result<Fetched, Failure> {
        let _slot = self.hosts.take(origin.url()).await;
        let whole = async {
            let response = self.follow(origin.url().clone()).await?;
            self.receive(response, workshop).await
        };
        let late = format!("the origin did not finish within {} s", self.settings.total.as_secs());
        timeout(self.settings.total, whole).await.unwrap_or_else(|_| Err(timed_out(late)))
    }

    async fn follow(&self, mut url: Url) -> Result<Response, Failure> {
        for _ in 0..=HOPS {
            let response = self.ask(&url).await?;
            match answer::read(&response)? {
                Answer::Body => return Ok(response),
                Answer::Redirect(location) => url = next_hop(&url, &location)?,
            }
        }
        Err(Failure::new(FailureCode::OriginRedirect, format!("the origin redirects more than {HOPS} times")))
    }

    async fn ask(&self, url: &Url) -> Result<Response, Failure> {
        let client = self.clients.of(self.guard.check(url)?);
        let sent = timeout(self.settings.header, client.get(url.clone()).send()).await;
        let late = || timed_out(format!("the origin did not answer within {} s", self.settings.header.as_secs()));
        sent.map_err(|_| late())?.map_err(|error| answer::failure(&error))
    }

    async fn receive(&self, response: Response, workshop: &Workshop) -> Result<Fetched, Failure> {
        let announced = response.content_length();
        let mut sink = workshop.begin(announced)?;
        let media_type = answer::media_type(&response);
        self.stream(response, &mut sink).await?;
        match announced {
            Some(announced) if announced != sink.bytes() => Err(answer::incomplete(sink.bytes(), Some(announced))),
            Some(_) | None => sink.finish(media_type).await,
        }
    }

    /// Writes the body as it comes, as long as each window brings enough of it.
    async fn stream(&self, mut response: Response, sink: &mut Sink) -> Result<(), Failure> {
        let FetchSettings { rate_window, min_rate, .. } = self.settings;
        let least = (rate_window.as_secs_f64() * f64::from(min_rate)) as u64;
        let announced = response.content_length();
        let (mut window_end, mut before) = (Instant::now() + rate_window, 0);
        loop {
            match timeout_at(window_end, response.chunk()).await {
                Ok(Ok(Some(chunk))) => sink.write(&chunk).await?,
                Ok(Ok(None)) => return Ok(()),
                Ok(Err(_)) => return Err(answer::incomplete(sink.bytes(), announced)),
                Err(_) => {}
            }
            if Instant::now() >= window_end {
                if sink.bytes() - before < least {
                    return Err(timed_out(format!("the origin sends less than {min_rate} bytes a second")));
                }
                (window_end, before) = (Instant::now() + rate_window, sink.bytes());
            }
        }
    }
}

/// Where a redirect leads, if we go there.
fn next_hop(from: &Url, location: &str) -> Result<Url, Failure> {
    let refused = |why: String| Failure::new(FailureCode::OriginRedirect, format!("the origin redirects to {why}"));
    let joined = from.join(location).map_err(|_| refused("something that is no URL".to_owned()))?;
    let next =
        Origin::parse(joined.as_str()).map_err(|error| refused(format!("a URL that is not followed: {error}")))?;
    match next.scheme() {
        Scheme::Http | Scheme::Https => Ok(next.url().clone()),
        Scheme::S3 | Scheme::Ftp | Scheme::Ftps | Scheme::Sftp => {
            Err(refused(format!("another protocol, {}", next.scheme())))
        }
    }
}

fn timed_out(detail: String) -> Failure {
    Failure::new(FailureCode::OriginTimeout, detail)
}
