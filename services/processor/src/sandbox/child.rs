//! The decoder's side: one image after the other, until the processor closes the connection.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use dlcs_imaging::derive::{Derived, Outputs, open, verify};
use dlcs_imaging::source::Limits;
use dlcs_model::Failure;
use rustix::stdio::stdin;

use super::fence;
use super::wire::{self, Answer, FILES, Order};

/// One image.
#[derive(Debug)]
pub struct Job {
    /// The source, open for reading.
    pub source: File,
    /// Where everything made of it goes.
    pub outputs: Outputs,
    /// What the source may be.
    pub limits: Limits,
}

/// The `main` of a decoder: gives up whatever decoding does not need, and does `work` for each image that comes in over
/// standard input. Before it takes memory, `work` calls its second argument with the bytes it will take, and goes on when
/// that returns.
#[must_use]
pub fn serve(work: impl Fn(Job, &dyn Fn(u64)) -> Result<Derived, Failure>) -> ExitCode {
    // The processor reads these lines and puts them into its own log.
    let log = tracing_subscriber::fmt().with_writer(io::stderr).without_time().with_ansi(false);
    log.with_max_level(tracing::Level::WARN).init();
    let missing = fence::raise();
    match conversation(&work, missing) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "a decoder lost its processor");
            ExitCode::FAILURE
        }
    }
}

fn conversation(work: &impl Fn(Job, &dyn Fn(u64)) -> Result<Derived, Failure>, missing: Vec<String>) -> io::Result<()> {
    let answer = |answer: &Answer| wire::send(stdin(), answer, &[]);
    answer(&Answer::Ready(missing))?;
    while let Some((order, files)) = wire::receive(stdin())? {
        let Order::Open(limits) = order else { return Err(io::Error::other("an order out of turn")) };
        let admitted = |bytes| {
            let go = answer(&Answer::Weighs(bytes)).and_then(|()| wire::receive(stdin()));
            if !matches!(go, Ok(Some((Order::Derive, _)))) {
                // Refused, or nobody is there any more.
                std::process::exit(0);
            }
        };
        match job(files, limits).and_then(|job| work(job, &admitted)) {
            Ok(derived) => answer(&Answer::Derived(derived))?,
            Err(Failure { code, detail, class: _, retry_after: _ }) => answer(&Answer::Failed(code, detail))?,
        }
    }
    Ok(())
}

fn job(files: Vec<OwnedFd>, limits: Limits) -> Result<Job, Failure> {
    let files: Result<[OwnedFd; FILES], _> = files.try_into();
    let [source, derivative, thumbnails @ ..] = files
        .map_err(|files| {
            tracing::error!(files = files.len(), "an order came without its files");
            Failure::internal()
        })?
        .map(File::from);
    Ok(Job { source, outputs: Outputs { derivative, thumbnails }, limits })
}

/// What decoders do: derive, and look at the result.
///
/// # Errors
/// As those of [`dlcs_imaging::derive`].
pub fn derive(job: Job, admitted: &dyn Fn(u64)) -> Result<Derived, Failure> {
    let Job { source, outputs, limits } = job;
    let opened = open(source, &limits)?;
    admitted(opened.memory());
    let derived = opened.derive(&outputs)?;
    verify(&outputs.derivative, &derived)?;
    Ok(derived)
}
