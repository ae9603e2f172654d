//! What serving costs beside nginx with the same bytes in files, and iipsrv with the same derivatives, as far as they are
//! installed: processor time a request, in turn. Then what one client can do to others, and what memory many images take.
//!
//! `DLCS_BENCH_PHOTOS=folder cargo bench --workspace --bench serving` with JPEGs of 1600 by 1100 pixels or more in the folder.
//! `DLCS_BENCH_PARTS` says which parts: `peers`, `abuse`, `memory`, separated by commas. `DLCS_BENCH_ROUNDS` and
//! `DLCS_BENCH_SECONDS` say how often and how long, `DLCS_BENCH_PROGRAM` names the program to measure, if not the one of this
//! build, and `DLCS_BENCH_BEFORE` another to stand beside it; `DLCS_BENCH_IMAGES` and `DLCS_BENCH_REQUESTS` are those of the memory.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a tool for developers: it prints figures and stops at the first failure"
)]

mod abuse;
mod crowd;
mod floor;
mod load;
mod peers;
#[path = "../../tests/delivery/publish.rs"]
mod publish;
mod requests;

use std::path::{Path, PathBuf};

use dlcs_model::{CustomerId, ImageId, ImageKey, SpaceId};
use dlcs_storage::{Descriptor, StorageSettings, Store};

use load::{Cost, Load};
use peers::Server;
use requests::{KINDS, Kind, paths};

/// As the service has it, for the server that is measured alone.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// An image, as it was published.
pub struct Published {
    id: String,
    descriptor: Descriptor,
}

fn setting(name: &str, default: usize) -> usize {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

async fn publish_photos(store: &Store) -> Vec<Published> {
    let folder = std::env::var("DLCS_BENCH_PHOTOS").expect("DLCS_BENCH_PHOTOS names a folder of JPEGs");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|file| file.extension().is_some_and(|e| e == "jpg")).collect();
    files.sort();
    let mut published = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let id = format!("photo{number}");
        let key = ImageKey { customer: CustomerId(2), space: SpaceId(3), id: ImageId::new(&id).unwrap() };
        let descriptor = publish::publish(store, &key, file, |_| {}).await.unwrap();
        if descriptor.width < 1600 || descriptor.height < 1100 {
            continue;
        }
        published.push(Published { id, descriptor });
    }
    published
}

/// The servers in turn, some rounds; prints the middle of each and its ratio to the first server's.
fn compare(name: &str, connections: u64, paths: &[Vec<String>], servers: &[&Server]) {
    let (rounds, seconds) = (setting("DLCS_BENCH_ROUNDS", 3), setting("DLCS_BENCH_SECONDS", 4) as u64);
    let mut costs = vec![Vec::new(); servers.len()];
    for seed in 0..rounds as u64 {
        for (server, costs) in servers.iter().zip(&mut costs) {
            costs.push(Load { connections, seconds, seed }.run(server, paths));
        }
    }
    let list = |costs: &[Cost], figure: fn(&Cost) -> f64, digits: usize| {
        let mut all: Vec<_> = costs.iter().map(figure).collect();
        all.sort_by(f64::total_cmp);
        let texts: Vec<_> = all.iter().map(|value| format!("{value:.digits$}")).collect();
        (all[all.len() / 2], texts.join(" "))
    };
    let mut middles = Vec::new();
    for (server, costs) in servers.iter().zip(&costs) {
        let ((cpu, all), (p99, slowest)) = (list(costs, |c| c.cpu_ms, 4), list(costs, |c| c.p99_ms, 1));
        let (Cost { per_second, bytes, .. }, server) = (costs[costs.len() / 2], server.name);
        println!(
            "{name:<11} {server:<16} {cpu:.4} ms CPU ({all}), {per_second:.0}/s, p99 {p99:.1} ms ({slowest}), {bytes} bytes"
        );
        middles.push((cpu, p99));
    }
    for (server, (cpu, p99)) in servers.iter().zip(&middles).skip(1) {
        println!("{name:<11} ours / {}: {:.2}, p99 {:.2}", server.name, middles[0].0 / cpu, middles[0].1 / p99);
    }
}

/// Everything that stands beside one another, in its order.
struct Servers {
    ours: Server,
    /// Makes each answer anew.
    fresh: Server,
    before: Option<(Server, Server)>,
    iipsrv: [Option<Server>; 2],
}

fn compare_all(servers: &Servers, folder: &Path, published: &[Published]) {
    let stored = [Kind::Tile, Kind::Thumbnail, Kind::Information].map(|kind| paths(kind, published));
    stored.iter().for_each(|paths| peers::store_answers(&servers.ours, folder, paths));
    let (nginx, floor) = (peers::nginx(folder), peers::floor(folder));
    let before = |fresh: bool| servers.before.as_ref().map(|(kept, made)| if fresh { made } else { kept });
    let iipsrv = servers.iipsrv.each_ref().map(Option::as_ref);
    for kind in KINDS {
        let others = match kind {
            Kind::Tile | Kind::Thumbnail | Kind::Information => {
                [Some(&servers.ours), before(false), nginx.as_ref(), Some(&floor)]
            }
            Kind::Fit400 => [Some(&servers.ours), before(false), iipsrv[0], iipsrv[1]],
            Kind::Fit500 | Kind::Region => [Some(&servers.fresh), before(true), iipsrv[0], iipsrv[1]],
        };
        let others: Vec<_> = others.into_iter().flatten().collect();
        compare(kind.name(), 8, &paths(kind, published), &others);
    }
    let both: Vec<_> = [Some(&servers.ours), nginx.as_ref()].into_iter().flatten().collect();
    compare("tile, 32", 32, &stored[0], &both);
    println!("memory      ours {}, fresh {}", servers.ours.memory(), servers.fresh.memory());
}

/// Whether a part of the bench is to be run: all are, unless `DLCS_BENCH_PARTS` names some.
fn wanted(part: &str) -> bool {
    std::env::var("DLCS_BENCH_PARTS").map_or(true, |parts| parts.split(',').any(|name| name == part))
}

fn main() {
    let system = actix_web::rt::System::new();
    match std::env::var(floor::FOLDER) {
        Ok(folder) => system.block_on(floor::serve(&folder)),
        Err(_) => system.block_on(measure()),
    }
}

async fn measure() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("store");
    let settings = StorageSettings::folder(&root);
    let store = Store::connect(&settings).await.unwrap();
    let published = publish_photos(&store).await;
    let start = |name, program: &str, arguments: &[&str]| Server::ours(name, program, &settings.storage_url, arguments);
    let program = &std::env::var("DLCS_BENCH_PROGRAM").unwrap_or(env!("CARGO_BIN_EXE_images").to_owned());
    let fresh = ["--cache-mb", "0"];
    let before = std::env::var("DLCS_BENCH_BEFORE").ok();
    if wanted("peers") {
        peers::link(folder.path(), &published);
        let iipsrv = |name, cache| peers::iipsrv(name, folder.path(), cache);
        let both = |program: &String| (start("before", program, &[]), start("before, fresh", program, &fresh));
        let servers = Servers {
            ours: start("ours", program, &[]),
            fresh: start("ours, fresh", program, &fresh),
            before: before.as_ref().map(both),
            iipsrv: [iipsrv("iipsrv", "0"), iipsrv("iipsrv-cached", "500")],
        };
        compare_all(&servers, folder.path(), &published);
    }
    if wanted("abuse") {
        let tiles = paths(Kind::Tile, &published);
        for (name, limit) in [("enforced", "enforce"), ("observed", "observe")] {
            let server = start(name, program, &["--client-limit", limit, "--trust-forwarded", "true"]);
            abuse::compare(&server, &published, &tiles);
        }
    }
    if wanted("memory") {
        let crowd = crowd::publish(&store, &root, &published, setting("DLCS_BENCH_IMAGES", 2500)).await;
        crowd::ask(&start("ours", program, &[]), &crowd);
        if let Some(before) = &before {
            crowd::ask(&start("before", before, &[]), &crowd);
        }
    }
}
