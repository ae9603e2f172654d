//! All decoders of a processor: started when needed, kept for the next image, replaced from time to time.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dlcs_imaging::derive::Derived;
use dlcs_model::{Failure, FailureCode, RetryClass};

use super::blame;
use super::budget::Budget;
use super::child::Job;
use super::cores::Cores;
use super::decoder::{Decoder, Program, Trouble};
use super::metrics::{End, Metrics};

/// Images that a decoder is given before it is replaced: what leaks or was planted in it does not stay.
const JOBS: u32 = 100;

/// Decodes images in processes of their own.
#[derive(Debug, Clone)]
pub struct Decoders {
    program: Program,
    budget: Budget,
    time: Duration,
    metrics: Option<Metrics>,
    idle: Arc<Mutex<Vec<Decoder>>>,
    cores: Cores,
}

impl Decoders {
    /// Decoders of this program, which together get this memory, and this time for each image.
    #[must_use]
    pub fn new(program: Program, budget: Budget, time: Duration) -> Self {
        Self { program, budget, time, metrics: None, idle: Arc::default(), cores: Cores::new() }
    }

    /// The same decoders, counted.
    #[must_use]
    pub fn counted(self, metrics: Metrics) -> Self {
        Self { metrics: Some(metrics), ..self }
    }

    /// Starts one decoder, to find out whether that works; warns of what its sandbox lacks.
    ///
    /// # Errors
    /// If no decoder can be started.
    pub async fn prepare(&self) -> Result<(), Failure> {
        let (decoder, missing) = self.start().await.map_err(|error| ours(&error))?;
        if !missing.is_empty() {
            tracing::warn!(missing = missing.join("; "), "decoders are not fully sandboxed here");
        }
        self.keep(decoder);
        Ok(())
    }

    /// Derives everything of a source. Dropping the future kills the decoder.
    ///
    /// # Errors
    /// What is wrong with the source; `decoder-crash` if two decoders died on it or it takes too long;
    /// `internal` for our own trouble, which a decoder's word alone never is.
    pub async fn derive(&self, job: &Job) -> Result<Derived, Failure> {
        let died = match self.attempt(self.reuse(), job).await {
            Ok(derived) => return Ok(derived),
            Err(Trouble::Died(how)) => how,
            Err(Trouble::Blames) => "it says that we are at fault".to_owned(),
            Err(trouble) => return Err(self.failure(trouble, job).await),
        };
        // What killed it may have been left behind by an image before this one.
        tracing::warn!(how = died, "a decoder died; its image is tried in a new one");
        match self.attempt(None, job).await {
            Ok(derived) => Ok(derived),
            Err(trouble) => Err(self.failure(trouble, job).await),
        }
    }

    /// Ends the decoders that have nothing to do, and waits for that.
    pub async fn close(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for decoder in idle {
            decoder.leave().await;
        }
    }

    async fn attempt(&self, decoder: Option<Decoder>, job: &Job) -> Result<Derived, Trouble> {
        let mut decoder = match decoder {
            Some(decoder) => decoder,
            None => self.start().await?.0,
        };
        let result = self.decode(&mut decoder, job).await;
        match &result {
            Ok(_) | Err(Trouble::Image(_)) => self.keep(decoder),
            Err(trouble) => decoder.end(End::after(trouble)),
        }
        result
    }

    /// A new decoder, and what its sandbox lacks. That it does not start is no image's fault.
    async fn start(&self) -> io::Result<(Decoder, Vec<String>)> {
        let started = Decoder::start(&self.program, self.budget.bytes(), self.metrics.clone()).await;
        started.map_err(|trouble| io::Error::other(format!("it does not start: {trouble:?}")))
    }

    async fn decode(&self, decoder: &mut Decoder, job: &Job) -> Result<Derived, Trouble> {
        let bytes = decoder.open(job, self.time).await?;
        let waiting = self.metrics.as_ref().map(Metrics::wait);
        let taken = self.budget.take(bytes).await;
        drop(waiting);
        let _taken = match taken {
            Ok(taken) => taken,
            // The decoder waits for an answer that never comes: dropping the connection ends it.
            Err(failure) => {
                self.metrics.as_ref().inspect(|metrics| metrics.refuse());
                return Err(Trouble::Refused(failure));
            }
        };
        let (_working, threads) = self.cores.take();
        decoder.derive(bytes, threads, self.time).await
    }

    fn reuse(&self) -> Option<Decoder> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let mut decoder = idle.pop()?;
            if decoder.lives() {
                return Some(decoder);
            }
            decoder.end(End::Crash);
        }
    }

    fn keep(&self, decoder: Decoder) {
        if decoder.jobs < JOBS {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(decoder);
        } else {
            decoder.end(End::Reuse);
        }
    }

    async fn failure(&self, trouble: Trouble, job: &Job) -> Failure {
        match trouble {
            Trouble::Image(failure) | Trouble::Refused(failure) => failure,
            Trouble::Died(how) => {
                let failure = Failure::new(FailureCode::DecoderCrash, format!("the decoder died on this image: {how}"));
                // Two decoders agree.
                Failure { class: RetryClass::Permanent, ..failure }
            }
            Trouble::Slow => {
                let seconds = self.time.as_secs();
                let detail = format!("decoding the image takes longer than {seconds} s");
                Failure::new(FailureCode::DecoderCrash, detail)
            }
            Trouble::Blames => blame::judge(job).await,
            Trouble::Ours(error) => ours(&error),
        }
    }
}

fn ours(error: &io::Error) -> Failure {
    tracing::error!(%error, "a decoder cannot be worked with");
    Failure::internal()
}
