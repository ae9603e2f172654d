//! `processor derive IN OUT.tif`: the derivative of a local file, without queue, database or store.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use dlcs_imaging::derive::{Derived, derive, verify};
use dlcs_imaging::source::Limits;
use dlcs_model::{Failure, FailureCode};

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
    match run(&source, &derivative) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure);
            ExitCode::FAILURE
        }
    }
}

fn run(source: &Path, derivative: &Path) -> Result<(), Failure> {
    let thumbnails = derivative.with_extension("thumbnails");
    std::fs::create_dir_all(&thumbnails).map_err(|error| {
        let detail = format!("{} cannot be made: {error}", thumbnails.display());
        Failure::new(FailureCode::Internal, detail)
    })?;
    let start = Instant::now();
    let derived = derive(source, derivative, &thumbnails, &Limits::default())?;
    let seconds = start.elapsed().as_secs_f64();
    verify(derivative, &derived)?;
    report(derivative, &derived, seconds);
    Ok(())
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
