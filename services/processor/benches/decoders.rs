//! What decoding in processes of their own costs: the same image derived again and again, here and by a decoder, in turn.
//!
//! `DLCS_BENCH_IMAGE=page.jpg cargo bench -p processor --bench decoders`; `DLCS_BENCH_ROUNDS` images are derived each way.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a tool for developers: it prints figures and stops at the first failure"
)]

use std::fs::File;
use std::path::Path;
use std::time::{Duration, Instant};

use dlcs_imaging::derive::Outputs;
use dlcs_imaging::source::Limits;
use processor::sandbox::{self, Budget, Decoders, Job, Program};

fn job(source: &Path, folder: &Path) -> Job {
    let outputs = Outputs::create(&folder.join("image.tif"), folder).unwrap();
    Job { source: File::open(source).unwrap(), outputs, limits: Limits::default() }
}

/// Processor time of this process and of its decoders, also of those that ended, in seconds.
fn processor_seconds() -> f64 {
    let own = std::process::id().to_string();
    let stats = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let path = entry.ok()?.path();
        // Beside the processes there are links to this one.
        path.file_name()?.to_str()?.parse::<u32>().ok()?;
        let stat = std::fs::read_to_string(path.join("stat")).ok()?;
        let (pid, rest) = (stat.split(' ').next()?.to_owned(), stat.rsplit(')').next()?.to_owned());
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let ticks: u64 = fields[11..15].iter().map(|field| field.parse::<u64>().unwrap()).sum();
        (pid == own || fields[1] == own).then_some(ticks)
    });
    stats.sum::<u64>() as f64 / 100.0
}

#[derive(Default)]
struct Spent {
    wall: f64,
    cpu: f64,
}

impl Spent {
    async fn on(&mut self, work: impl Future<Output = ()>) {
        let (start, before) = (Instant::now(), processor_seconds());
        work.await;
        self.wall += start.elapsed().as_secs_f64();
        self.cpu += processor_seconds() - before;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let source = std::env::var("DLCS_BENCH_IMAGE").unwrap();
    let rounds = std::env::var("DLCS_BENCH_ROUNDS").map_or(50, |rounds| rounds.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let job = || job(Path::new(&source), folder.path());
    let program = Program::at(env!("CARGO_BIN_EXE_processor"));
    let decoders = Decoders::new(program.clone(), Budget::new(1 << 20), Duration::from_secs(3600));
    decoders.prepare().await.unwrap();
    for round in 1..=5 {
        let (mut here, mut there) = (Spent::default(), Spent::default());
        for _ in 0..rounds {
            here.on(async { drop(sandbox::derive(job(), &|_| None).unwrap()) }).await;
            there.on(async { drop(decoders.derive(&job()).await.unwrap()) }).await;
        }
        let each = |seconds: f64| seconds * 1000.0 / f64::from(rounds);
        println!(
            "round {round}: here {:.1} ms ({:.1} ms of processor), decoder {:.1} ms ({:.1} ms), ratio {:.3} ({:.3})",
            each(here.wall),
            each(here.cpu),
            each(there.wall),
            each(there.cpu),
            there.wall / here.wall,
            there.cpu / here.cpu
        );
    }
    let mut starts = Spent::default();
    for _ in 0..20 {
        let decoders = Decoders::new(program.clone(), Budget::new(1024), Duration::from_secs(60));
        starts.on(async { decoders.prepare().await.unwrap() }).await;
    }
    println!("starting a decoder: {:.1} ms", starts.wall * 50.0);
}
