//! Where hostile images are decoded: as a job does it, and looking closely at how it ends.

use std::fs::File;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use dlcs_imaging::derive::{self, Derived, Outputs};
use dlcs_imaging::source::Limits;
use dlcs_model::{Failure, FailureCode};
use processor::sandbox::{Budget, Decoders, Job, Program};
use tempfile::TempDir;

/// Decoders, and room for their files.
pub struct Lab {
    folder: TempDir,
    decoders: Decoders,
    limits: Limits,
    name: String,
}

/// How an image ended.
pub struct Verdict {
    pub result: Result<Derived, Failure>,
    pub took: Duration,
}

impl Verdict {
    /// In a word: `right`, or the failure's code.
    pub fn word(&self) -> &'static str {
        self.result.as_ref().map_or_else(|failure| failure.code.as_str(), |_| "right")
    }

    /// Whether it was refused in a way that says what is wrong with the image.
    pub fn is_refused(&self) -> bool {
        self.result.as_ref().is_err_and(|failure| {
            matches!(
                failure.code,
                FailureCode::NotAnImage
                    | FailureCode::UnsupportedFormat
                    | FailureCode::CorruptImage
                    | FailureCode::TooManyPixels
            )
        })
    }
}

impl Lab {
    /// Decoders that are called `name` among the processes.
    pub fn new(name: &str, budget_mb: u32, limits: Limits, time: Duration) -> Self {
        let mut program = Program::at(env!("CARGO_BIN_EXE_processor"));
        program.arguments.push(name.into());
        let decoders = Decoders::new(program, Budget::new(budget_mb), time);
        Self { folder: tempfile::tempdir().unwrap(), decoders, limits, name: name.to_owned() }
    }

    /// Derives an image and looks at what was made; `number` keeps the files of images at the same time apart.
    pub async fn derive(&self, number: usize, bytes: &[u8]) -> Verdict {
        let folder = self.folder.path().join(number.to_string());
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("source");
        std::fs::write(&path, bytes).unwrap();
        let outputs = Outputs::create(&folder.join("image.tif"), &folder).unwrap();
        let job = Job { source: File::open(&path).unwrap(), outputs, limits: self.limits };
        let start = Instant::now();
        let result = self.decoders.derive(&job).await;
        let took = start.elapsed();
        if let Ok(derived) = &result {
            derive::verify(&job.outputs.derivative, derived).unwrap();
        }
        std::fs::remove_dir_all(&folder).unwrap();
        Verdict { result, took }
    }

    /// The most memory that a decoder which still lives has held, in megabytes.
    pub fn peak_mb(&self) -> Option<u64> {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let ours = |folder: &PathBuf| {
            std::fs::read(folder.join("cmdline")).is_ok_and(|line| {
                let mut words = line.split(|byte| *byte == 0);
                words.next() == Some(b"dlcs-decoder") && words.any(|word| word == self.name.as_bytes())
            })
        };
        let peak = |folder: PathBuf| {
            let status = std::fs::read_to_string(folder.join("status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
            line.split_whitespace().next()?.parse::<u64>().ok()
        };
        processes.map(|entry| entry.path()).filter(ours).filter_map(peak).max().map(|kilobytes| kilobytes / 1024)
    }
}
