//! What serving costs beside nginx with the same bytes in files, and iipsrv with the same derivatives, as far as they are
//! installed: processor time a request, in turn.
//!
//! `DLCS_BENCH_PHOTOS=folder cargo bench -p images --bench serving` with JPEGs of 2000 pixels a side or more in the folder;
//! `DLCS_BENCH_ROUNDS` and `DLCS_BENCH_SECONDS` say how often and how long, `DLCS_BENCH_BEFORE` names the program of another
//! build to stand beside this one.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a tool for developers: it prints figures and stops at the first failure"
)]

mod load;
mod peers;
#[path = "../../tests/delivery/publish.rs"]
mod publish;
mod requests;

use std::path::PathBuf;

use dlcs_model::{CustomerId, ImageId, ImageKey, SpaceId};
use dlcs_storage::{Descriptor, StorageSettings, Store};

use load::{Cost, load};
use peers::Server;
use requests::{KINDS, Kind, paths};

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
        published.push(Published { id, descriptor });
    }
    published
}

/// Three rounds of each kind, the servers in turn; prints the middle of each and its ratio to the first server's.
fn compare(kind: Kind, paths: &[Vec<String>], servers: &[&Server]) {
    let (rounds, seconds) = (setting("DLCS_BENCH_ROUNDS", 3), setting("DLCS_BENCH_SECONDS", 4));
    let mut costs = vec![Vec::new(); servers.len()];
    for round in 0..rounds {
        for (server, costs) in servers.iter().zip(&mut costs) {
            costs.push(load(server, paths, round as u64, seconds as u64));
        }
    }
    for (server, costs) in servers.iter().zip(&mut costs) {
        costs.sort_by(|a, b| a.cpu_ms.total_cmp(&b.cpu_ms));
        let all: Vec<_> = costs.iter().map(|cost| format!("{:.4}", cost.cpu_ms)).collect();
        let Cost { cpu_ms, per_second, p99_ms, bytes } = costs[costs.len() / 2];
        println!(
            "{:<11} {:<16} {cpu_ms:.4} ms CPU ({}), {per_second:.0}/s, p99 {p99_ms:.1} ms, {bytes} bytes",
            kind.name(),
            server.name,
            all.join(" ")
        );
    }
    let middle = |index: usize| costs[index][costs[index].len() / 2].cpu_ms;
    for (index, server) in servers.iter().enumerate().skip(1) {
        println!("{:<11} ours / {}: {:.2}", kind.name(), server.name, middle(0) / middle(index));
    }
}

#[tokio::main]
async fn main() {
    let folder = tempfile::tempdir().unwrap();
    let settings = StorageSettings::folder(&folder.path().join("store"));
    let store = Store::connect(&settings).await.unwrap();
    let published = publish_photos(&store).await;
    let start = |name, program: &str, arguments: &[&str]| Server::ours(name, program, &settings.storage_url, arguments);
    let program = env!("CARGO_BIN_EXE_images");
    let (ours, fresh) = (start("ours", program, &[]), start("ours, fresh", program, &["--cache-mb", "0"]));
    let before = std::env::var("DLCS_BENCH_BEFORE").ok();
    let before =
        before.map(|program| (start("before", &program, &[]), start("before, fresh", &program, &["--cache-mb", "0"])));
    let nginx = peers::nginx(folder.path());
    let iipsrv = peers::iipsrv(folder.path(), &published);
    for kind in KINDS {
        let paths = paths(kind, &published);
        let servers: Vec<&Server> = match kind {
            Kind::Region => {
                [Some(&fresh), before.as_ref().map(|b| &b.1), iipsrv.as_ref()].into_iter().flatten().collect()
            }
            Kind::Tile | Kind::Thumbnail | Kind::Information => {
                if nginx.is_some() {
                    peers::store_answers(&ours, folder.path(), &paths);
                }
                [Some(&ours), before.as_ref().map(|b| &b.0), nginx.as_ref()].into_iter().flatten().collect()
            }
        };
        compare(kind, &paths, &servers);
    }
    println!("memory: ours {}, fresh {}", ours.memory(), fresh.memory());
}
