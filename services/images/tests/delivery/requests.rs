//! Every feature of Image API 3.0 and 2.1, one request each: status, size and type of what comes back.

use crate::world::{World, landscape, square, squares};
use image::{DynamicImage, GenericImageView as _};

/// `path` of an image of 1300 x 900 pixels → `status`, or the answer's size.
async fn check(world: &World, base: &str, table: &[(&str, &str)]) {
    for (path, expected) in table {
        let answer = world.get(&format!("{base}/{path}")).await;
        let found = if answer.status == 200 {
            let (width, height) = answer.decode().dimensions();
            format!("{width}x{height}")
        } else {
            assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
            answer.status.to_string()
        };
        assert_eq!(found, *expected, "{base}/{path}: {}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn version_3() {
    let world = World::new().await;
    world.publish_photo("photo", &landscape(1300, 900)).await;
    let table = [
        ("full/max/0/default.jpg", "1300x900"),
        ("square/max/0/default.jpg", "900x900"),
        ("100,50,300,200/max/0/default.jpg", "300x200"),
        ("1200,800,300,200/max/0/default.jpg", "100x100"),
        ("pct:10,10,50,50/max/0/default.jpg", "650x450"),
        ("full/650,/0/default.jpg", "650x450"),
        ("full/,90/0/default.jpg", "130x90"),
        ("full/pct:10/0/default.jpg", "130x90"),
        ("full/200,300/0/default.jpg", "200x300"),
        ("full/!300,300/0/default.jpg", "300x208"),
        ("full/%5E2600,/0/default.jpg", "2600x1800"),
        ("full/^2600,/0/default.jpg", "2600x1800"),
        ("full/^max/0/default.jpg", "5000x3462"),
        ("0,0,10,10/^!333,400/0/default.png", "333x333"),
        ("full/300,/90/default.jpg", "208x300"),
        ("full/300,/!180/default.jpg", "300x208"),
        ("full/300,/45/default.png", "360x360"),
        ("full/300,/22.5/default.webp", "357x307"),
        ("full/300,/0/color.jpg", "300x208"),
        ("full/300,/0/gray.png", "300x208"),
        ("full/300,/0/bitonal.png", "300x208"),
        ("full/300,/0/default.tif", "300x208"),
        ("full/300,/0/default.gif", "300x208"),
        ("full/300,/0/gray.gif", "300x208"),
        ("full/300,/0/default.webp", "300x208"),
        ("0,0,1,1/max/0/default.png", "1x1"),
        ("1299,899,1,1/max/0/default.jpg", "1x1"),
        ("full/1,1/0/default.jpg", "1x1"),
        ("full/full/0/default.jpg", "400"),
        ("full/1301,/0/default.jpg", "400"),
        ("full/!2000,2000/0/default.jpg", "400"),
        ("full/^5001,/0/default.jpg", "400"),
        ("1300,0,10,10/max/0/default.jpg", "400"),
        ("0,0,0,10/max/0/default.jpg", "400"),
        ("full/0,/0/default.jpg", "400"),
        ("full/max/361/default.jpg", "400"),
        ("full/max/0/native.jpg", "400"),
        ("full/max/0/default.bmp", "400"),
        ("fu;[l/max/0/default.jpg", "400"),
        ("full/max/0/%ff.jpg", "400"),
        ("full/max/0", "404"),
        ("full/max/0/default.jpg/x", "404"),
    ];
    check(&world, "/iiif-img/2/3/photo", &table).await;
    check(&world, "/iiif-img/v3/2/3/photo", &table[..3]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn version_2() {
    let world = World::new().await;
    world.publish_photo("photo", &landscape(1300, 900)).await;
    let table = [
        ("full/full/0/default.jpg", "1300x900"),
        ("full/max/0/default.jpg", "1300x900"),
        ("square/full/0/default.jpg", "900x900"),
        ("pct:10,10,50,50/full/0/default.jpg", "650x450"),
        ("full/650,/0/default.jpg", "650x450"),
        ("full/,90/0/default.jpg", "130x90"),
        ("full/pct:10/0/default.jpg", "130x90"),
        ("full/200,300/0/default.jpg", "200x300"),
        ("full/!300,300/0/default.jpg", "300x208"),
        ("full/2600,/0/default.jpg", "2600x1800"),
        ("full/300,/!90/gray.jpg", "208x300"),
        ("full/^2600,/0/default.jpg", "400"),
        ("full/5001,/0/default.jpg", "400"),
    ];
    check(&world, "/iiif-img/v2/2/3/photo", &table).await;
}

/// The colours of all squares of an answer, at most `tolerance` from what they were.
fn assert_squares(picture: &DynamicImage, tolerance: u8, what: &str) {
    let side = picture.width() / 10;
    for (column, row) in (0..10).flat_map(|column| (0..10).map(move |row| (column, row))) {
        let found = picture.get_pixel(column * side + side / 2, row * side + side / 2).0;
        let expected = square(column, row);
        let off = (0..3).map(|i| found[i].abs_diff(expected[i])).max().unwrap();
        assert!(off <= tolerance, "{what}: square {column},{row} is {found:?}, not {expected:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flat_colours_stay_what_they_are() {
    let world = World::new().await;
    world.publish_pixels("squares", squares()).await;
    for path in [
        "full/max/0/default.jpg",
        "full/500,/0/default.jpg",
        "full/620,620/0/default.jpg",
        "full/^1700,/0/default.jpg",
        "full/max/0/default.png",
        "full/max/0/default.tif",
        "full/max/0/default.webp",
    ] {
        assert_squares(&world.pixels(&format!("/iiif-img/2/3/squares/{path}")).await, 5, path);
    }
    let gif = world.pixels("/iiif-img/2/3/squares/full/max/0/default.gif").await;
    assert_squares(&gif, 8, "a GIF has 256 colours for 100 squares and their edges");
}

#[tokio::test(flavor = "multi_thread")]
async fn grey_is_luma_and_bitonal_is_black_or_white() {
    let world = World::new().await;
    world.publish_pixels("squares", squares()).await;
    let base = "/iiif-img/2/3/squares/full/max/0";
    for format in ["jpg", "png", "tif", "gif", "webp"] {
        let gray = world.pixels(&format!("{base}/gray.{format}")).await.into_rgb8();
        let bitonal = world.pixels(&format!("{base}/bitonal.{format}")).await.into_rgb8();
        for (column, row) in (0..10).flat_map(|column| (0..10).map(move |row| (column, row))) {
            let [r, g, b] = square(column, row).map(f64::from);
            let luma = 0.299 * r + 0.587 * g + 0.114 * b;
            let at = (column * 100 + 50, row * 100 + 50);
            let found = gray[at].0;
            assert!(found.iter().all(|v| (f64::from(*v) - luma).abs() < 4.0), "{format} {at:?}: {found:?}, not {luma}");
            if (luma - 128.0).abs() > 4.0 {
                let expected = if luma < 128.0 { 0_u8 } else { 255 };
                assert!(bitonal[at].0.iter().all(|v| v.abs_diff(expected) <= 3), "{format} {at:?}");
            }
        }
    }
}
