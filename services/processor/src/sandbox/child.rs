//! The decoder's side: one image after the other, until the processor closes the connection.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use dlcs_imaging::Helper;
use dlcs_imaging::derive::{Derived, Outputs, open, verify};
use dlcs_imaging::source::Limits;
use dlcs_model::Failure;
use rustix::stdio::stdin;

use super::fence;
use super::wire::{self, Answer, FILES, Order, Threads};

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

/// What work on an image calls with the bytes that it will take, before it takes them: it goes on when this returns, with the
/// second thread if there is a core for it.
pub type Admit<'a> = dyn Fn(u64) -> Option<&'a Helper> + 'a;

/// The `main` of a decoder: gives up whatever decoding does not need, and does `work` for each image that comes in over
/// standard input.
#[must_use]
pub fn serve(work: impl Fn(Job, &Admit<'_>) -> Result<Derived, Failure>) -> ExitCode {
    // The processor reads these lines and puts them into its own log.
    let log = tracing_subscriber::fmt().with_writer(io::stderr).without_time().with_ansi(false);
    log.with_max_level(tracing::Level::WARN).init();
    let (helper, missing) = fence::raise();
    match conversation(&work, helper.as_ref(), missing) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "a decoder lost its processor");
            ExitCode::FAILURE
        }
    }
}

fn conversation(
    work: &impl Fn(Job, &Admit<'_>) -> Result<Derived, Failure>,
    helper: Option<&Helper>,
    missing: Vec<String>,
) -> io::Result<()> {
    let answer = |answer: &Answer| wire::send(stdin(), answer, &[]);
    answer(&Answer::Ready(missing))?;
    while let Some((order, files)) = wire::receive(stdin())? {
        let Order::Open(limits) = order else { return Err(io::Error::other("an order out of turn")) };
        let admitted = |bytes| {
            let go = answer(&Answer::Weighs(bytes)).and_then(|()| wire::receive(stdin()));
            match go {
                Ok(Some((Order::Derive(Threads::One), _))) => None,
                Ok(Some((Order::Derive(Threads::Two), _))) => helper,
                // Refused, or nobody is there any more.
                Ok(Some((Order::Open(_), _)) | None) | Err(_) => std::process::exit(0),
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
pub fn derive(job: Job, admit: &Admit<'_>) -> Result<Derived, Failure> {
    let Job { source, outputs, limits } = job;
    let opened = open(source, &limits)?;
    let helper = admit(opened.memory());
    let derived = opened.derive(&outputs, helper)?;
    verify(&outputs.derivative, &derived)?;
    Ok(derived)
}
