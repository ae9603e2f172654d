//! Pixels are exactly where they belong: copies are copies, parts fit together, turns lose nothing.

use crate::world::{World, disc, landscape};
use dlcs_imaging::geometry::levels;
use dlcs_imaging::head::Head;
use image::{GenericImageView as _, RgbImage, imageops};

/// Level, column, row, region and size of a tile.
type Tile = (u32, u32, u32, String, (u32, u32));

/// What a viewer asks for: each tile of each level.
fn tiles(width: u32, height: u32) -> Vec<Tile> {
    let mut found = Vec::new();
    for level in levels(width, height) {
        let scale = 1 << level.index;
        for (column, row) in (0..level.rows()).flat_map(|row| (0..level.columns()).map(move |column| (column, row))) {
            let (x, y) = (column * 512 * scale, row * 512 * scale);
            let (w, h) = ((width - x).min(512 * scale), (height - y).min(512 * scale));
            found.push((level.index, column, row, format!("{x},{y},{w},{h}"), level.tile_size(column, row)));
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn aligned_tiles_are_the_stored_bytes() {
    let world = World::new().await;
    // Sides that leave odd rests at every level.
    let descriptor = world.publish_photo("photo", &landscape(2499, 1051)).await;
    let file = world.store.get(&descriptor.derivative).await.unwrap();
    let head = Head::parse(&file[..usize::try_from(descriptor.head_length).unwrap()]).unwrap();
    for (level, column, row, region, (w, h)) in tiles(2499, 1051) {
        let range = head.tile(level, column, row).unwrap();
        let start = usize::try_from(range.offset).unwrap();
        let stored = &file[start..start + range.length as usize];
        for path in [
            format!("/iiif-img/2/3/photo/{region}/{w},{h}/0/default.jpg"),
            format!("/iiif-img/v2/2/3/photo/{region}/{w},/0/default.jpg"),
            format!("/iiif-img/2/3/photo/{region}/,{h}/360/color.jpg"),
        ] {
            let answer = world.get(&path).await;
            assert_eq!(answer.status, 200, "{path}");
            assert!(answer.body == stored, "{path} is not level {level}, column {column}, row {row}");
            assert_eq!(answer.decode().dimensions(), (w, h), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tiles_put_together_are_the_level() {
    let world = World::new().await;
    let descriptor = world.publish_pixels("scan", landscape(1301, 907)).await;
    for level in levels(1301, 907) {
        let mut whole = RgbImage::new(level.width, level.height);
        for (_, column, row, region, (w, h)) in tiles(1301, 907).into_iter().filter(|t| t.0 == level.index) {
            let path = format!("/iiif-img/2/3/scan/{region}/{w},{h}/0/default.png");
            let tile = world.pixels(&path).await.into_rgb8();
            assert_eq!(tile.dimensions(), (w, h), "{path}");
            imageops::replace(&mut whole, &tile, i64::from(column * 512), i64::from(row * 512));
        }
        assert!(whole == world.level(&descriptor, level.index).await, "level {}", level.index);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_at_full_size_is_that_part() {
    let world = World::new().await;
    let descriptor = world.publish_pixels("scan", landscape(1301, 907)).await;
    let whole = world.level(&descriptor, 0).await;
    for (x, y, w, h) in [(0, 0, 1301, 907), (500, 500, 30, 30), (1, 3, 1299, 901), (1300, 906, 1, 1), (511, 0, 2, 907)]
    {
        let part = world.pixels(&format!("/iiif-img/2/3/scan/{x},{y},{w},{h}/max/0/default.png")).await.into_rgb8();
        assert!(part == imageops::crop_imm(&whole, x, y, w, h).to_image(), "{x},{y},{w},{h}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_are_exact() {
    let world = World::new().await;
    world.publish_pixels("scan", landscape(1301, 907)).await;
    let get = async |rotation: &str| {
        world.pixels(&format!("/iiif-img/2/3/scan/100,100,601,333/max/{rotation}/default.png")).await.into_rgb8()
    };
    let plain = get("0").await;
    let mirrored = imageops::flip_horizontal(&plain);
    assert!(get("90").await == imageops::rotate90(&plain));
    assert!(get("180").await == imageops::rotate180(&plain));
    assert!(get("270").await == imageops::rotate270(&plain));
    assert!(get("!0").await == mirrored);
    assert!(get("!90").await == imageops::rotate90(&mirrored));
    assert!(get("!270").await == imageops::rotate270(&mirrored));
}

/// Scaled answers compared with the original, scaled by another implementation.
#[tokio::test(flavor = "multi_thread")]
async fn scaled_parts_are_in_place() {
    let world = World::new().await;
    let original = landscape(2500, 1700);
    world.publish_pixels("scan", original.clone()).await;
    for (x, y, w, h, to) in
        [(0, 0, 2500, 1700, 400), (333, 777, 1111, 555, 500), (17, 19, 2001, 1501, 1999), (900, 200, 300, 300, 77)]
    {
        let path = format!("/iiif-img/2/3/scan/{x},{y},{w},{h}/{to},/0/default.png");
        let found = world.pixels(&path).await.into_rgb8();
        let part = imageops::crop_imm(&original, x, y, w, h).to_image();
        let expected = imageops::resize(&part, found.width(), found.height(), imageops::FilterType::CatmullRom);
        let off: u64 = found.as_raw().iter().zip(expected.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        let mean = off as f64 / found.as_raw().len() as f64;
        assert!(mean < 1.5, "{path}: {mean} levels off on average");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn transparency_is_kept_where_it_can_be() {
    let world = World::new().await;
    let original = disc(700, 600);
    world.publish_pixels("disc", original.clone()).await;
    for path in ["full/max/0/default.png", "full/max/0/default.webp"] {
        let found = world.pixels(&format!("/iiif-img/2/3/disc/{path}")).await.into_rgba8();
        for at in [(350, 300), (350, 20), (650, 300), (1, 1), (699, 599)] {
            let (found, expected) = (found[at].0, original[at].0);
            assert!(found[3].abs_diff(expected[3]) <= 6, "{path} {at:?}: {found:?}, not {expected:?}");
            if expected[3] > 60 {
                assert!((0..3).all(|i| found[i].abs_diff(expected[i]) <= 16), "{path} {at:?}: {found:?}");
            }
        }
    }
    let jpeg = world.pixels("/iiif-img/2/3/disc/full/max/0/default.jpg").await.into_rgb8();
    assert!(jpeg[(1, 1)].0.iter().all(|v| *v > 250), "white shows through");
    let turned = world.pixels("/iiif-img/2/3/disc/full/350,/30/default.png").await.into_rgba8();
    assert_eq!(turned[(0, 0)].0[3], 0, "uncovered corners are transparent");
    assert!(turned[(turned.width() / 2, turned.height() / 2)].0[3] > 250);
    let gray = world.pixels("/iiif-img/2/3/disc/full/max/0/gray.png").await;
    assert_eq!(gray.color(), image::ColorType::La8);
}

#[tokio::test(flavor = "multi_thread")]
async fn grey_sources_stay_grey() {
    let world = World::new().await;
    let gray = image::DynamicImage::from(landscape(600, 500)).into_luma8();
    world.publish_pixels("gray", gray).await;
    for path in
        ["full/max/0/default.png", "full/max/0/color.jpg", "full/300,/0/default.jpg", "0,0,512,500/max/0/default.jpg"]
    {
        let found = world.pixels(&format!("/iiif-img/2/3/gray/{path}")).await;
        assert_eq!(found.color(), image::ColorType::L8, "{path}");
    }
}

/// JPEGs of photographs, whose colour is halved: where the parts lie, and where their colours do.
#[tokio::test(flavor = "multi_thread")]
async fn parts_of_photographs_are_in_place() {
    let world = World::new().await;
    let original = landscape(2500, 1700);
    world.publish_photo("photo", &original).await;
    for (x, y, w, h, to) in [
        (0, 0, 2500, 1700, 400),
        (333, 777, 1111, 555, 500),
        (17, 19, 2001, 1501, 1999),
        (900, 200, 300, 300, 77),
        (511, 511, 3, 3, 3),
        (501, 503, 701, 603, 701),
        (2499, 1699, 1, 1, 1),
        (2001, 1001, 499, 699, 499),
    ] {
        let path = format!("/iiif-img/2/3/photo/{x},{y},{w},{h}/{to},/0/default.jpg");
        let found = world.pixels(&path).await.into_rgb8();
        let part = imageops::crop_imm(&original, x, y, w, h).to_image();
        let expected = imageops::resize(&part, found.width(), found.height(), imageops::FilterType::CatmullRom);
        for channel in 0..3 {
            let pairs = found.pixels().zip(expected.pixels()).map(|(a, b)| a.0[channel].abs_diff(b.0[channel]));
            let mean = pairs.map(f64::from).sum::<f64>() / f64::from(found.width() * found.height());
            assert!(mean < 2.0, "{path}: channel {channel} is {mean} levels off on average");
        }
    }
}

/// What is made by way of planes is what is made by way of pixels, but for rounding.
#[tokio::test(flavor = "multi_thread")]
async fn jpegs_and_pngs_show_the_same() {
    let world = World::new().await;
    world.publish_photo("photo", &landscape(1301, 907)).await;
    world.publish_pixels("scan", landscape(1301, 907)).await;
    let gray = image::DynamicImage::from(landscape(1301, 907)).into_luma8();
    world.publish_pixels("gray", gray).await;
    for image in ["photo", "scan", "gray"] {
        for part in
            ["full/640,", "101,203,801,601/max", "99,100,1000,800/333,267", "7,9,600,31/^900,", "511,0,2,907/max"]
        {
            let get = async |format| world.pixels(&format!("/iiif-img/2/3/{image}/{part}/0/default.{format}")).await;
            let (jpeg, png) = (get("jpg").await.into_rgb8(), get("png").await.into_rgb8());
            assert_eq!(jpeg.dimensions(), png.dimensions());
            let off: u64 = jpeg.as_raw().iter().zip(png.as_raw()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
            let mean = off as f64 / jpeg.as_raw().len() as f64;
            assert!(mean < 1.5, "{image}/{part}: {mean} levels off on average");
        }
    }
}
