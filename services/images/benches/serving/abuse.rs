//! One client that asks for much more than its share, beside others that look at tiles.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crate::load::{Connection, Load};
use crate::peers::Server;
use crate::requests::Random;
use crate::{Published, setting};

const CONNECTIONS: u64 = 4;
const PATIENCE: Duration = Duration::from_millis(20);

/// What the client asked for and what it got.
#[derive(Default)]
struct Greed {
    megapixels: AtomicU64,
    made: AtomicU64,
    refused: AtomicU64,
}

/// Asks for nearly all of large images, each time another part, hardly waiting when it is refused.
fn abuse(server: &Server, photos: &[Published], seed: u64, greed: &Greed, over: &AtomicBool) {
    let mut random = Random(seed);
    let mut connection = Connection::with(server, "X-Forwarded-For: 203.0.113.66\r\n");
    while !over.load(Ordering::Relaxed) {
        let photo = &photos[random.below(photos.len())];
        let (x, y) = (random.below(100) as u32, random.below(100) as u32);
        let (width, height) = (photo.descriptor.width.min(5000) - x, photo.descriptor.height.min(4900) - y);
        let path = format!("/iiif-img/2/3/{}/{x},{y},{width},{height}/max/0/default.jpg", photo.id);
        greed.megapixels.fetch_add(u64::from(width) * u64::from(height) * 2 / 1_000_000, Ordering::Relaxed);
        match connection.ask(&path).0 {
            200 => _ = greed.made.fetch_add(1, Ordering::Relaxed),
            429 | 503 => {
                greed.refused.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(PATIENCE);
            }
            status => panic!("{path}: {status}"),
        }
    }
}

/// Tiles for eight connections, without and with that client, in turn.
pub fn compare(server: &Server, photos: &[Published], tiles: &[Vec<String>]) {
    let load = Load { connections: 8, seconds: 4 * setting("DLCS_BENCH_SECONDS", 4) as u64, seed: 1 };
    let (greed, over) = (Greed::default(), AtomicBool::new(false));
    let alone = load.run(server, tiles);
    let beside = std::thread::scope(|scope| {
        let (greed, over) = (&greed, &over);
        (0..CONNECTIONS).for_each(|seed| _ = scope.spawn(move || abuse(server, photos, seed, greed, over)));
        let beside = load.run(server, tiles);
        over.store(true, Ordering::Relaxed);
        beside
    });
    let Greed { megapixels, made, refused } = greed;
    println!(
        "abuse       {:<16} tiles alone p99 {:.1} ms, {:.0}/s; beside a client that asks for {} MP in {} s \
         ({} made, {} refused) p99 {:.1} ms, {:.0}/s: {:.2}",
        server.name,
        alone.p99_ms,
        alone.per_second,
        megapixels.into_inner(),
        load.seconds,
        made.into_inner(),
        refused.into_inner(),
        beside.p99_ms,
        beside.per_second,
        beside.p99_ms / alone.p99_ms
    );
}
