//! What deriving costs beside libvips making the same pyramid: processor time, memory and waiting, in turn.
//!
//! `DLCS_BENCH_PHOTOS=folder cargo bench -p processor --bench deriving` with JPEGs in the folder. `vips` and GNU `time` have to
//! be there. `DLCS_BENCH_ROUNDS` says how often.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a tool for developers: it prints figures and stops at the first failure"
)]

mod images;
#[path = "../quality/photographs.rs"]
mod photographs;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// What a run took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    cpu: f64,
    wall: f64,
    megabytes: f64,
}

/// Runs a program to its end. Its children count, as far as it waits for them.
fn run(program: &str, arguments: &[&str], variables: &[(&str, &str)], report: &Path) -> Cost {
    let mut command = Command::new("/usr/bin/time");
    command.args(["-f", "%U %S %M", "-o"]).arg(report).arg(program).args(arguments).envs(variables.iter().copied());
    let start = Instant::now();
    let done = command.output().expect("GNU time is not installed");
    let wall = start.elapsed().as_secs_f64();
    assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    let report = std::fs::read_to_string(report).unwrap();
    let numbers: Vec<f64> = report.split_whitespace().map(|word| word.parse().unwrap()).collect();
    Cost { cpu: numbers[0] + numbers[1], wall, megabytes: numbers[2] / 1024.0 }
}

/// The contestants: ours on as many cores as there are, ours on one, vips.
fn contest(source: &Path, folder: &Path) -> [Cost; 3] {
    let ours = env!("CARGO_BIN_EXE_processor");
    let [source, out, report] = [source.to_owned(), folder.join("out.tif"), folder.join("report")];
    let (from, to) = (source.to_str().unwrap(), out.to_str().unwrap());
    let two = run(ours, &["derive", from, to], &[], &report);
    let one = run("taskset", &["-c", "0", ours, "derive", from, to], &[], &report);
    let options = "--tile --pyramid --compression jpeg --Q 85 --tile-width 512 --tile-height 512";
    let arguments: Vec<_> = ["tiffsave", from, to].into_iter().chain(options.split(' ')).collect();
    let vips = run("vips", &arguments, &[("VIPS_CONCURRENCY", "1")], &report);
    [two, one, vips]
}

fn middle(costs: &[Cost], figure: impl Fn(&Cost) -> f64) -> f64 {
    let mut figures: Vec<f64> = costs.iter().map(figure).collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn main() {
    let rounds = std::env::var("DLCS_BENCH_ROUNDS").map_or(5, |rounds| rounds.parse().unwrap());
    let (photos, folder) = (photographs::photographs(), tempfile::tempdir().unwrap());
    println!("{:<24} {:>23} {:>23} {:>23}", "middle of the rounds", "ours", "ours on one core", "vips");
    for kind in &images::KINDS {
        let source = images::make(kind, &photos, folder.path());
        let contests: Vec<_> = (0..rounds).map(|_| contest(&source, folder.path())).collect();
        let costs: Vec<Vec<Cost>> = (0..3).map(|i| contests.iter().map(|contest| contest[i]).collect()).collect();
        let figures =
            |costs: &Vec<Cost>| [|c: &Cost| c.cpu, |c: &Cost| c.wall, |c: &Cost| c.megabytes].map(|f| middle(costs, f));
        let all: Vec<[f64; 3]> = costs.iter().map(figures).collect();
        let text: Vec<_> = all.iter().map(|[cpu, wall, mb]| format!("{cpu:.2} s {wall:.2} s {mb:>4.0} MB")).collect();
        println!("{:<24} {:>23} {:>23} {:>23}", kind.name, text[0], text[1], text[2]);
        for (name, ours) in [("ours / vips", all[0]), ("on one core / vips", all[1])] {
            let [cpu, wall, mb]: [f64; 3] = std::array::from_fn(|i| ours[i] / all[2][i]);
            println!("{:<24} CPU {cpu:.2}, wall {wall:.2}, memory {mb:.2}", format!("  {name}"));
        }
    }
}
