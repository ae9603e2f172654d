//! Thousands of mutants of each format: no decoder dies, and each ends in an error of its own or in an image that is right.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use dlcs_imaging::source::Limits;
use futures::StreamExt;

use crate::lab::{Lab, Verdict};
use crate::mutants::mutant;

/// Mutants of each format, unless `DLCS_MUTATIONS` says how many.
const MUTANTS: usize = 300;
/// Less than a real processor has: what mutants ask for is refused all the sooner.
const BUDGET_MB: u32 = 512;
const LIMITS: Limits = Limits { streamed_pixels: 50_000_000, whole_pixels: 20_000_000, side: 100_000 };
/// As long as a busy machine may take for an image within these limits.
const TIME: Duration = Duration::from_secs(60);

/// The good images with one of these extensions, by name.
fn seeds(extensions: &[&str]) -> Vec<(String, Vec<u8>)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/hostile_images/seeds");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|found| extensions.iter().any(|wanted| found == *wanted)));
    paths.sort();
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    paths.iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect()
}

/// What became of the mutants of one format.
#[derive(Default)]
struct Tally {
    words: BTreeMap<&'static str, usize>,
    slowest: Duration,
    faults: Vec<String>,
}

impl Tally {
    fn note(&mut self, name: &str, bytes: &[u8], verdict: &Verdict) {
        *self.words.entry(verdict.word()).or_default() += 1;
        self.slowest = self.slowest.max(verdict.took);
        let Err(failure) = &verdict.result else { return };
        if verdict.is_refused() {
            return;
        }
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mutants");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        self.faults.push(format!("{}: {failure}", path.display()));
    }
}

async fn survive(extensions: &[&str]) {
    let count = std::env::var("DLCS_MUTATIONS").map_or(MUTANTS, |count| count.parse().unwrap());
    let seeds = seeds(extensions);
    let lab = Lab::new(&format!("mutants-{}", extensions[0]), BUDGET_MB, LIMITS, TIME);
    for (name, bytes) in &seeds {
        let verdict = lab.derive(0, bytes).await;
        assert_eq!(verdict.word(), "right", "{name}: {:?}", verdict.result);
    }
    let start = Instant::now();
    let runs = futures::stream::iter(0..count).map(|number| {
        let (name, seed) = &seeds[number % seeds.len()];
        let (_, other) = &seeds[number / seeds.len() % seeds.len()];
        let (lab, bytes) = (&lab, mutant(number as u64, seed, other));
        async move {
            let verdict = lab.derive(number, &bytes).await;
            (format!("{number}-{name}"), bytes, verdict)
        }
    });
    let mut runs = runs.buffer_unordered(2);
    let mut tally = Tally::default();
    while let Some((name, bytes, verdict)) = runs.next().await {
        tally.note(&name, &bytes, &verdict);
    }
    let Tally { words, slowest, faults } = tally;
    println!("{extensions:?}: {count} in {:.1?}, the slowest {slowest:.1?}: {words:?}", start.elapsed());
    assert!(faults.is_empty(), "{} mutants:\n{}", faults.len(), faults.join("\n"));
    assert!(words.len() > 1, "nothing but {words:?}: the mutants are too wild or too tame");
}

#[tokio::test]
async fn mutants_of_jpegs_do_no_harm() {
    survive(&["jpg"]).await;
}

#[tokio::test]
async fn mutants_of_pngs_do_no_harm() {
    survive(&["png"]).await;
}

#[tokio::test]
async fn mutants_of_gifs_do_no_harm() {
    survive(&["gif"]).await;
}

#[tokio::test]
async fn mutants_of_webps_do_no_harm() {
    survive(&["webp"]).await;
}

#[tokio::test]
async fn mutants_of_tiffs_do_no_harm() {
    survive(&["tif"]).await;
}

#[tokio::test]
async fn mutants_of_jpeg_2000s_do_no_harm() {
    survive(&["jp2", "j2k"]).await;
}
