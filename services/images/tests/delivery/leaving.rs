//! Clients that leave before they are answered: what they waited for is not made.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::world::{World, landscape};

/// Takes seconds to encode, so that everything here happens meanwhile.
const LONG: &str = "/iiif-img/2/3/photo/full/^5000,5000/0/default.webp";

const BEGUN: &str = "dlcs_images_renders_total";
const WAITING: &str = "dlcs_images_waiting";
const RENDERING: &str = "dlcs_images_rendering";

/// A service with one renderer, which is at work.
async fn busy() -> (World, TcpStream) {
    let world = World::with(&["--renderers", "1", "--wait-ms", "60000", "--decode-mb", "2048"]).await;
    world.publish_photo("photo", &landscape(1300, 900)).await;
    let long = world.ask(LONG);
    world.until(RENDERING, 1.0).await;
    (world, long)
}

fn small(number: u32) -> String {
    format!("/iiif-img/2/3/photo/{number},0,600,600/300,/0/default.png")
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_made_for_those_who_left() {
    let (world, long) = busy().await;
    let clients: Vec<_> = (0..50).map(|number| world.ask(&small(number))).collect();
    world.until(WAITING, 50.0).await;
    drop(clients);
    world.until(WAITING, 0.0).await;
    assert_eq!((world.metric(RENDERING, None), world.metric(BEGUN, None)), (1.0, 1.0), "one is at work as before");
    drop(long);
    assert_eq!(world.get(&small(50)).await.status, 200);
    assert_eq!(world.metric(BEGUN, None), 2.0, "the first and the last");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_several_want_is_made_while_one_of_them_waits() {
    let (world, long) = busy().await;
    let (first, second) = (world.ask(&small(1)), world.ask(&small(1)));
    let alone = world.ask(&small(2));
    // The work of two counts once.
    world.until(WAITING, 2.0).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    drop((first, alone));
    world.until(WAITING, 1.0).await;
    drop(long);
    let answered = tokio::task::spawn_blocking(move || {
        let mut status = [0; 15];
        std::io::Read::read_exact(&mut &second, &mut status).unwrap();
        status
    });
    assert_eq!(&answered.await.unwrap(), b"HTTP/1.1 200 OK");
    assert_eq!(world.metric(BEGUN, None), 2.0, "the long one, and that of two");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rendering_that_nobody_waits_for_ends_early() {
    let world = World::with(&["--renderers", "1", "--wait-ms", "60000", "--decode-mb", "2048"]).await;
    world.publish_pixels("scan", landscape(5000, 5000)).await;
    let started = Instant::now();
    let left = world.ask("/iiif-img/2/3/scan/full/4999,4999/22.5/default.webp");
    world.until(RENDERING, 1.0).await;
    drop(left);
    world.until("dlcs_images_renders_abandoned_total", 1.0).await;
    assert_eq!(world.metric(RENDERING, None), 0.0, "after {:?}", started.elapsed());
}
