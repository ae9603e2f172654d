//! What registering costs beside making the pyramids alone: 200 pages from one POST until their batch says finished, against two
//! `vips` at a time on the same files, in turn.
//!
//! `./deploy/local/bench registering`, or with `DLCS_BENCH_PHOTOS` a folder of JPEGs and with `vips` installed
//! `./deploy/local/test --workspace --bins --bench registering`. `DLCS_BENCH_ROUNDS` and `DLCS_BENCH_PAGES` say how often and
//! how many.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a tool for developers: it prints figures and stops at the first failure"
)]

mod cost;
#[path = "../../services/processor/benches/deriving/images.rs"]
#[expect(dead_code, reason = "of the kinds only the page is wanted")]
mod images;
#[path = "../../services/processor/benches/quality/photographs.rs"]
mod photographs;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use dlcs_testkit::servers::{Authority, HOST, Nginx};
use dlcs_tests::World;
use dlcs_tests::world::SERVICES;

/// Different pages; the others are these again.
const KINDS_OF_PAGES: usize = 12;
/// The `vips` at a time: one for each of two cores.
const VIPS: usize = 2;

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

/// Makes the pages, of 8.75 megapixels each.
fn make_pages(folder: &Path, root: &Path, count: usize) -> Vec<PathBuf> {
    let mut photos = photographs::photographs();
    let path = |number: usize| root.join(format!("page{number}.jpg"));
    for number in 0..KINDS_OF_PAGES.min(count) {
        std::fs::rename(images::make(&images::KINDS[0], &photos, folder), path(number)).unwrap();
        photos.rotate_left(1);
    }
    for number in KINDS_OF_PAGES..count {
        std::fs::hard_link(path(number % KINDS_OF_PAGES), path(number)).unwrap();
    }
    (0..count).map(path).collect()
}

/// Registers all pages; seconds until the batch says that it is finished, and the services' processor time.
async fn ours(world: &mut World, pages: &[PathBuf], root: &str, round: usize) -> (f64, f64) {
    let name = |page: &PathBuf| page.file_name().unwrap().display().to_string();
    let member = |page: &PathBuf| (format!("{round}-{}", name(page)), format!("{root}/{}", name(page)));
    let members: Vec<_> = pages.iter().map(member).collect();
    let services: Vec<u32> = SERVICES.iter().map(|service| world.process(service).unwrap().pid()).collect();
    let (before, start) = (cost::processor_seconds(&services), Instant::now());
    let batch = world.post(&members).await.unwrap();
    let done = world.client.finished(&batch, Duration::from_secs(3600)).await.unwrap();
    let wall = start.elapsed().as_secs_f64();
    assert_eq!(done["errors"], 0, "{done}");
    (wall, cost::processor_seconds(&services) - before)
}

/// Makes all pyramids, some at a time; seconds.
fn vips(pages: &[PathBuf], folder: &Path) -> f64 {
    let (next, start) = (AtomicUsize::new(0), Instant::now());
    std::thread::scope(|scope| {
        for worker in 0..VIPS {
            let (out, next) = (folder.join(format!("out{worker}.tif")), &next);
            scope.spawn(move || {
                while let Some(page) = pages.get(next.fetch_add(1, Relaxed)) {
                    let mut command = Command::new("vips");
                    command.arg("tiffsave").arg(page).arg(&out).env("VIPS_CONCURRENCY", "1").stdin(Stdio::null());
                    command.args(["--tile", "--pyramid", "--compression", "jpeg", "--Q", "85"]);
                    assert!(command.args(["--tile-width", "512", "--tile-height", "512"]).status().unwrap().success());
                }
            });
        }
    });
    start.elapsed().as_secs_f64()
}

#[tokio::main]
async fn main() {
    let (rounds, count) = (setting("DLCS_BENCH_ROUNDS", 3), setting("DLCS_BENCH_PAGES", 200));
    let folder = tempfile::tempdir().unwrap();
    let (root, state) = (folder.path().join("root"), folder.path().join("nginx"));
    [&root, &state].iter().for_each(|folder| std::fs::create_dir(folder).unwrap());
    // nginx reads as another user.
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let pages = make_pages(folder.path(), &root, count);
    let authority = Authority::create(folder.path()).unwrap();
    let nginx = Nginx::start(&state, &root, &authority).await.unwrap();
    let origin = format!("http://{HOST}:{}", nginx.http);
    let mut world = World::start().await.unwrap();
    println!(
        "{count} pages of 8.75 megapixels: seconds of ours and of {VIPS} vips at a time, and processor seconds a page"
    );
    let mut ratios = Vec::new();
    for round in 0..rounds {
        let (wall, cpu) = ours(&mut world, &pages, &origin, round).await;
        let theirs = vips(&pages, folder.path());
        println!("{wall:6.1} {theirs:6.1}  {:.2}x  {:.3} s", wall / theirs, cpu / count as f64);
        ratios.push(wall / theirs);
    }
    ratios.sort_by(f64::total_cmp);
    println!("ours / vips: {:.2}", ratios[rounds / 2]);
}
