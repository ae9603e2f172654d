//! Memory of a server with its own defaults that is asked for everything there is of many images.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use dlcs_model::{CustomerId, ImageId, ImageKey, SpaceId};
use dlcs_storage::key::Generation;
use dlcs_storage::{Descriptor, StorageKey, Store};
use uuid::Uuid;

use crate::load::Connection;
use crate::peers::Server;
use crate::requests::{Random, tiles};
use crate::{Published, setting};

const CONNECTIONS: usize = 8;
/// Long enough for what was under way to end.
const REST: Duration = Duration::from_secs(3);

/// Publishes the photographs again under `count` ids, by links to the files that are there.
pub async fn publish(store: &Store, folder: &Path, photos: &[Published], count: usize) -> Vec<Published> {
    let mut crowd = Vec::new();
    for (number, photo) in photos.iter().cycle().take(count).enumerate() {
        let id = format!("copy{number}");
        let image = ImageKey { customer: CustomerId(2), space: SpaceId(3), id: ImageId::new(&id).unwrap() };
        let generation = Generation { image: &image, generation: 1, token: Uuid::now_v7() };
        let mut descriptor = Descriptor { image: image.clone(), ..photo.descriptor.clone() };
        link(folder, &mut descriptor.derivative, &StorageKey::Derivative(generation));
        for thumbnail in &mut descriptor.thumbnails {
            link(folder, &mut thumbnail.key, &StorageKey::Thumbnail(generation, thumbnail.edge));
        }
        let key = StorageKey::Descriptor(&image);
        store.put(&key.to_string(), key.media_type(), serde_json::to_vec(&descriptor).unwrap().into()).await.unwrap();
        crowd.push(Published { id, descriptor });
    }
    crowd
}

/// Gives the object `key` another key as well, and says so.
fn link(folder: &Path, key: &mut String, other: &StorageKey<'_>) {
    let (old, new) = (folder.join(&*key), folder.join(other.to_string()));
    std::fs::create_dir_all(new.parent().unwrap()).unwrap();
    std::fs::hard_link(old, new).unwrap();
    *key = other.to_string();
}

/// A request of any kind; hardly any is asked twice.
fn request(random: &mut Random, image: &Published) -> String {
    let Descriptor { width, height, thumbnails, .. } = &image.descriptor;
    let rest = match random.below(100) {
        0..70 => {
            let levels = tiles(image);
            let level = &levels[random.below(levels.len())];
            level[random.below(level.len())].clone()
        }
        70..85 if !thumbnails.is_empty() => {
            let thumbnail = &thumbnails[random.below(thumbnails.len())];
            format!("full/{},{}/0/default.jpg", thumbnail.width, thumbnail.height)
        }
        70..90 => "info.json".to_owned(),
        _ => composed(random, *width, *height),
    };
    format!("/iiif-img/2/3/{}/{rest}", image.id)
}

/// A part of any place and size, of each form; one in fifty is large and at its own size.
fn composed(random: &mut Random, width: u32, height: u32) -> String {
    let mut upto = |most: u32| random.below(most as usize) as u32;
    let (w, h) = (200 + upto(width.min(1700) - 200), 200 + upto(height.min(1200) - 200));
    let (x, y, size) = (upto(width - w), upto(height - h), 100 + upto(w - 100));
    let (rotation, quality) =
        (["0", "0", "90", "!0", "180", "22.5"][upto(6) as usize], ["default", "gray"][upto(2) as usize]);
    let format = ["jpg", "jpg", "png", "webp"][upto(4) as usize];
    match upto(50) {
        0 => format!("{x},0,{w},{height}/max/{rotation}/default.jpg"),
        _ => format!("{x},{y},{w},{h}/{size},/{rotation}/{quality}.{format}"),
    }
}

/// Asks and prints what is resident every tenth of the way.
pub fn ask(server: &Server, crowd: &[Published]) {
    let requests = setting("DLCS_BENCH_REQUESTS", 100_000);
    let (asked, busy) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let client = |seed: usize| {
        let mut random = Random(seed as u64);
        let mut connection = Connection::new(server);
        loop {
            let number = asked.fetch_add(1, Ordering::Relaxed);
            if number >= requests {
                break;
            }
            let image = &crowd[random.below(crowd.len())];
            let path = request(&mut random, image);
            match connection.ask(&path).0 {
                200 => {}
                503 => _ = busy.fetch_add(1, Ordering::Relaxed),
                status => panic!("{path}: {status}"),
            }
            if (number + 1).is_multiple_of(requests / 10) {
                println!(
                    "memory      {:<16} after {} requests of {} images: {}",
                    server.name,
                    number + 1,
                    crowd.len(),
                    server.memory()
                );
            }
        }
    };
    std::thread::scope(|scope| {
        let client = &client;
        (0..CONNECTIONS).for_each(|seed| _ = scope.spawn(move || client(seed)));
    });
    println!("memory      {:<16} {} of them were answered 503", server.name, busy.into_inner());
    std::thread::sleep(REST);
    println!("memory      {:<16} after a rest: {}", server.name, server.memory());
}
