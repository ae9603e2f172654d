//! `processor derive IN OUT.tif`: the derivative of a local file, without queue, database or store. And `processor decode`,
//! which the processor starts by itself.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use dlcs_imaging::derive::{Derived, Outputs};
use dlcs_imaging::source::Limits;
use dlcs_model::limits::THUMBNAILS;
use dlcs_model::{Failure, FailureCode};

use crate::sandbox::{self, Budget, Decoders, Job, Program};

/// Makes the derivative of a local image and says what it did.
#[derive(Debug, clap::Parser)]
#[command(name = "derive", bin_name = "processor derive")]
struct Arguments {
    /// The image.
    source: PathBuf,
    /// Where the derivative goes; its thumbnails go to a folder beside it, with the extension "thumbnails".
    derivative: PathBuf,
}

/// Runs the command with the process's arguments. Succeeds, or prints the failure's sentence.
#[must_use]
pub fn derive_command() -> ExitCode {
    let Arguments { source, derivative } = Arguments::parse_from(std::env::args_os().skip(1));
    tracing_subscriber::fmt().with_writer(io::stderr).with_max_level(tracing::Level::WARN).init();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let result = runtime.map_err(|error| ours("a runtime", &error));
    match result.and_then(|runtime| runtime.block_on(run(&source, &derivative))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure);
            ExitCode::FAILURE
        }
    }
}

/// Runs as a decoder, for a processor at the other end of standard input.
#[must_use]
pub fn decode_command() -> ExitCode {
    sandbox::serve(sandbox::derive)
}

/// Whoever waits at a terminal can interrupt, and knows how much memory there is.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);
const MEMORY_MB: u32 = 1 << 20;

async fn run(source: &Path, derivative: &Path) -> Result<(), Failure> {
    let folder = derivative.with_extension("thumbnails");
    std::fs::create_dir_all(&folder).map_err(|error| ours(&folder.display().to_string(), &error))?;
    let outputs = Outputs::create(derivative, &folder);
    let outputs = outputs.map_err(|error| ours(&derivative.display().to_string(), &error))?;
    let file = File::open(source).map_err(|error| ours(&source.display().to_string(), &error))?;
    let decoders = Decoders::new(Program::this(), Budget::new(MEMORY_MB), PATIENCE);
    decoders.prepare().await?;
    let start = Instant::now();
    let job = Job { source: file, outputs, limits: Limits::default() };
    let derived = decoders.derive(&job).await;
    // Waited for, so that whoever measures this command measures it too.
    decoders.close().await;
    let derived = derived?;
    report(derivative, &derived, start.elapsed().as_secs_f64());
    // An edge longer than the image's has no thumbnail.
    for edge in THUMBNAILS.into_iter().filter(|edge| derived.thumbnails.iter().all(|made| made.edge != *edge)) {
        let path = Outputs::thumbnail(&folder, edge);
        std::fs::remove_file(&path).map_err(|error| ours(&path.display().to_string(), &error))?;
    }
    Ok(())
}

fn ours(what: &str, error: &io::Error) -> Failure {
    Failure::new(FailureCode::Internal, format!("{what} cannot be used: {error}"))
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
fn report(derivative: &Path, derived: &Derived, seconds: f64) {
    let Derived { format, width, height, levels, head_length, bytes, thumbnails } = derived;
    println!("source      {format} {width} x {height}");
    println!("derivative  {} {levels} levels, {bytes} bytes, head {head_length} bytes", derivative.display());
    for thumbnail in thumbnails {
        println!("thumbnail   {} x {}, {} bytes", thumbnail.width, thumbnail.height, thumbnail.bytes);
    }
    println!("time        {seconds:.3} s");
}

#[expect(clippy::print_stderr, reason = "what the command is for")]
fn complain(failure: &Failure) {
    eprintln!("{failure}");
}
