//! Answers against what another implementation makes of the original: levels against means of boxes, pixels against the
//! coordinates that they spell, random requests against the `image` crate's resampling.

use dlcs_imaging::geometry::levels;
use image::{GrayImage, RgbImage, imageops};

use crate::world::{Answer, World, landscape};

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ mixed >> 31
    }

    /// From `low` to `high`, both included.
    fn within(&mut self, low: u32, high: u32) -> u32 {
        low + (self.next() % u64::from(high - low + 1)) as u32
    }
}

fn hash(x: u32, y: u32, seed: u32) -> u64 {
    Dice(u64::from(x) << 40 ^ u64::from(y) << 16 ^ u64::from(seed)).next()
}

/// From -1 to 1, the same for the same place.
fn random(x: u32, y: u32, seed: u32) -> f64 {
    hash(x, y, seed) as f64 / u64::MAX as f64 * 2.0 - 1.0
}

/// Random hills, `side` pixels apart.
fn hills(x: u32, y: u32, side: u32, seed: u32) -> f64 {
    let smooth = |at: u32| {
        let t = f64::from(at % side) / f64::from(side);
        t * t * (3.0 - 2.0 * t)
    };
    let (column, row, across, down) = (x / side, y / side, smooth(x), smooth(y));
    let mix = |a: f64, b: f64, t: f64| a + (b - a) * t;
    let line = |row| mix(random(column, row, seed), random(column + 1, row, seed), across);
    mix(line(row), line(row + 1), down)
}

/// Like a photograph: shapes of all sizes with edges, colours that change slowly, and a sensor's grain.
fn photograph(width: u32, height: u32, grain: f64) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let shapes: f64 = [(400, 50.0), (100, 35.0), (30, 22.0), (9, 14.0)]
            .iter()
            .zip(1..)
            .map(|((side, height), seed)| height * hills(x, y, *side, seed))
            .sum();
        let edge = if hills(x, y, 220, 9) > 0.1 { 25.0 } else { -25.0 };
        let light = 125.0 + shapes + edge + grain * (random(x, y, 10) + random(x, y, 11));
        let tint = |seed| 24.0 * hills(x, y, 150, seed) + grain / 3.0 * random(x, y, seed);
        image::Rgb([20, 21, 22].map(|seed| (light + tint(seed)).clamp(0.0, 255.0) as u8))
    })
}

/// The means of boxes of `side` x `side` pixels, or of what the edge leaves of them.
fn boxes(image: &RgbImage, side: u32) -> RgbImage {
    let (width, height) = image.dimensions();
    RgbImage::from_fn(width.div_ceil(side), height.div_ceil(side), |x, y| {
        let (right, bottom) = (((x + 1) * side).min(width), ((y + 1) * side).min(height));
        let pixels = || (y * side..bottom).flat_map(|row| (x * side..right).map(move |column| image[(column, row)].0));
        let count = pixels().count() as f64;
        let mean = |channel: usize| pixels().map(|pixel| f64::from(pixel[channel])).sum::<f64>() / count;
        image::Rgb([0, 1, 2].map(|channel| mean(channel).round() as u8))
    })
}

/// Decibels, `found` moved by a pixel or not, without the rim.
fn psnr(found: &RgbImage, wanted: &RgbImage, (right, down): (u32, u32)) -> f64 {
    let (width, height) = wanted.dimensions();
    let rim = u32::from(width > 8 && height > 8);
    let mut sum = 0.0;
    for (x, y) in (rim..height - rim).flat_map(|y| (rim..width - rim).map(move |x| (x, y))) {
        let (a, b) = (found[((x + right).saturating_sub(1), (y + down).saturating_sub(1))].0, wanted[(x, y)].0);
        sum += a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(b)).powi(2)).sum::<f64>();
    }
    let samples = f64::from((width - 2 * rim) * (height - 2 * rim) * 3);
    10.0 * (255.0 * 255.0 * samples / sum.max(1e-9)).log10()
}

/// In place.
const IN_PLACE: (u32, u32) = (1, 1);

/// Structural similarity of luma, over every fourth window of 7 x 7 pixels.
fn ssim(found: &RgbImage, wanted: &RgbImage) -> f64 {
    let [a, b] = [found, wanted].map(luma);
    let (mut total, mut windows) = (0.0, 0.0);
    for (x, y) in (0..a.height() - 6).step_by(4).flat_map(|y| (0..a.width() - 6).step_by(4).map(move |x| (x, y))) {
        let mut sums = [0.0; 5];
        for (dx, dy) in (0..49).map(|n| (n % 7, n / 7)) {
            let (a, b) = (f64::from(a[(x + dx, y + dy)].0[0]), f64::from(b[(x + dx, y + dy)].0[0]));
            sums.iter_mut().zip([a, b, a * a, b * b, a * b]).for_each(|(sum, term)| *sum += term / 49.0);
        }
        let [ma, mb, aa, bb, ab] = sums;
        let (va, vb, vab) = (aa - ma * ma, bb - mb * mb, ab - ma * mb);
        total += (2.0 * ma * mb + 6.5) * (2.0 * vab + 58.5) / ((ma * ma + mb * mb + 6.5) * (va + vb + 58.5));
        windows += 1.0;
    }
    total / windows
}

/// Luma after ITU-R BT.601.
fn luma(image: &RgbImage) -> GrayImage {
    GrayImage::from_fn(image.width(), image.height(), |x, y| {
        let [r, g, b] = image[(x, y)].0.map(f64::from);
        image::Luma([(0.299 * r + 0.587 * g + 0.114 * b).round() as u8])
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn levels_are_means_of_the_original() {
    let world = World::new().await;
    let original = photograph(1501, 1107, 6.0);
    let descriptor = world.publish_pixels("scan", original.clone()).await;
    for (level, least) in [(0, 36.7), (1, 40.3), (2, 41.7)] {
        let found = world.level(&descriptor, level).await;
        let close = psnr(&found, &boxes(&original, 1 << level), IN_PLACE);
        assert!(close >= least, "level {level}: {close:.2} dB");
    }
}

/// Blocks of 8 x 8 pixels, each dark or bright in each colour, as its place's number says.
fn blocks(width: u32, height: u32, coloured: bool) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let number = hash(x / 8, y / 8, 0);
        image::Rgb([0, 1, 2].map(|bit| if number >> (if coloured { bit } else { 0 }) & 1 == 1 { 192 } else { 64 }))
    })
}

/// Whether each pixel, read as dark or bright, is what the place says that it should come from.
fn assert_blocks(found: &RgbImage, wanted: &RgbImage, what: &str) {
    assert_eq!(found.dimensions(), wanted.dimensions(), "{what}");
    for (x, y, pixel) in found.enumerate_pixels() {
        let bright = |pixel: &image::Rgb<u8>| pixel.0.map(|v| v >= 128);
        assert_eq!(bright(pixel), bright(&wanted[(x, y)]), "{what}: {x},{y} is {pixel:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pixel_is_where_it_belongs() {
    let world = World::new().await;
    let (width, height) = (1501, 1107);
    let coloured = blocks(width, height, true);
    world.publish_pixels("coloured", coloured.clone()).await;
    let gray = blocks(width, height, false);
    world.publish_photo("gray", &gray).await;
    for (id, original, formats) in [("coloured", coloured, &["png"][..]), ("gray", gray, &["png", "jpg"][..])] {
        // Level 3 has a pixel for a block, which JPEG does not keep.
        for scale in [1, 2, 4] {
            let level = RgbImage::from_fn(width / scale, height / scale, |x, y| original[(x * scale, y * scale)]);
            for format in formats {
                let get = async |x, y, w, h, rotation: &str| {
                    let region = format!("{},{},{},{}", x * scale, y * scale, w * scale, h * scale);
                    let path = format!("/iiif-img/2/3/{id}/{region}/{w},{h}/{rotation}/default.{format}");
                    (world.pixels(&path).await.into_rgb8(), path)
                };
                for (x, y, w, h) in [(0, 0, 256, 256), (1, 3, 211, 177), (101, 57, 99, 201), (109, 110, 256, 160)] {
                    let part = imageops::crop_imm(&level, x, y, w, h).to_image();
                    let mirrored = imageops::flip_horizontal(&part);
                    for (rotation, wanted) in [
                        ("0", part.clone()),
                        ("90", imageops::rotate90(&part)),
                        ("180", imageops::rotate180(&part)),
                        ("!0", mirrored.clone()),
                        ("!270", imageops::rotate270(&mirrored)),
                    ] {
                        let (found, path) = get(x, y, w, h, rotation).await;
                        assert_blocks(&found, &wanted, &path);
                    }
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tiles_of_every_level_are_where_they_belong() {
    let world = World::new().await;
    let (width, height) = (2499, 1107);
    let original = blocks(width, height, true);
    world.publish_pixels("coloured", original.clone()).await;
    for level in levels(width, height).into_iter().take(3) {
        let scale = 1 << level.index;
        for (column, row) in (0..level.rows()).flat_map(|row| (0..level.columns()).map(move |column| (column, row))) {
            let ((x, y), (w, h)) = ((column * 512, row * 512), level.tile_size(column, row));
            let (right, bottom) = (((x + w) * scale).min(width), ((y + h) * scale).min(height));
            let region = format!("{},{},{},{}", x * scale, y * scale, right - x * scale, bottom - y * scale);
            let path = format!("/iiif-img/2/3/coloured/{region}/{w},{h}/0/default.jpg");
            let found = world.pixels(&path).await.into_rgb8();
            let wanted = RgbImage::from_fn(w, h, |i, j| original[((x + i) * scale, (y + j) * scale)]);
            assert_blocks(&found, &wanted, &path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn grey_is_luma_and_bitonal_has_two_values() {
    let world = World::new().await;
    let original = landscape(901, 707);
    world.publish_pixels("scan", original.clone()).await;
    world.publish_photo("photo", &original).await;
    for path in ["scan/full/max", "scan/13,17,701,599/333,", "photo/full/max", "photo/100,101,640,480/320,"] {
        let get = async |quality: &str| world.pixels(&format!("/iiif-img/2/3/{path}/0/{quality}.png")).await;
        let (colour, gray) = (get("color").await.into_rgb8(), get("gray").await);
        assert_eq!(gray.color(), image::ColorType::L8, "{path}");
        let gray = gray.into_luma8();
        let off = luma(&colour).iter().zip(gray.iter()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(off <= Some(2), "{path}: {off:?} levels off");
        let bitonal = get("bitonal").await.into_luma8();
        assert!(bitonal.iter().all(|v| [0, 255].contains(v)), "{path}");
        assert!(bitonal.contains(&0) && bitonal.contains(&255), "{path}");
    }
}

/// A request, and what it asks for.
struct Request {
    kind: Kind,
    region: (u32, u32, u32, u32),
    size: (u32, u32),
    path: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tile(u32),
    Crop,
    Region,
    Percent,
    Turned(u32),
    Mirrored,
    Gray,
    Thumbnail,
}

impl Kind {
    /// PSNR that is reached at least.
    fn least(self) -> f64 {
        match self {
            Self::Tile(1) | Self::Crop => 37.0,
            Self::Tile(_) => 33.5,
            Self::Region | Self::Percent | Self::Turned(_) | Self::Mirrored | Self::Gray | Self::Thumbnail => 31.0,
        }
    }
}

impl Request {
    fn random(kind: Kind, dice: &mut Dice, (width, height): (u32, u32)) -> Self {
        let (w, h) = (dice.within(300, width / 2), dice.within(300, height / 2));
        let (x, y) = (dice.within(0, width - w), dice.within(0, height - h));
        let fit = |limit: u32| {
            let size = (w.min(limit), (f64::from(h) * f64::from(w.min(limit)) / f64::from(w)).round() as u32);
            ((x, y, w, h), size, format!("{},{}", size.0, size.1))
        };
        let (region, size, words) = match kind {
            Kind::Tile(scale) => {
                let (x, y) =
                    (dice.within(0, (width - 1) / (512 * scale)), dice.within(0, (height - 1) / (512 * scale)));
                let (x, y) = (x * 512 * scale, y * 512 * scale);
                let (w, h) = ((512 * scale).min(width - x), (512 * scale).min(height - y));
                let size = (w.div_ceil(scale), h.div_ceil(scale));
                ((x, y, w, h), size, format!("{},{}", size.0, size.1))
            }
            Kind::Crop => ((x, y, w, h), (w, h), "max".to_owned()),
            Kind::Region => fit(dice.within(200, 800)),
            Kind::Percent => {
                let part = |side: u32| (f64::from(side) * 0.3).round() as u32;
                ((x, y, w, h), (part(w), part(h)), "pct:30".to_owned())
            }
            Kind::Turned(_) | Kind::Mirrored | Kind::Gray => fit(dice.within(200, 600)),
            Kind::Thumbnail => {
                let size = if dice.within(0, 1) == 0 { 400 } else { 1000 };
                let other = (f64::from(height * size) / f64::from(width)).round() as u32;
                ((0, 0, width, height), (size, other), format!("!{size},{size}"))
            }
        };
        let turn = match kind {
            Kind::Turned(degrees) => degrees.to_string(),
            Kind::Mirrored => "!0".to_owned(),
            _ => "0".to_owned(),
        };
        let (quality, (x, y, w, h)) = (if kind == Kind::Gray { "gray" } else { "default" }, region);
        Self { kind, region, size, path: format!("{x},{y},{w},{h}/{words}/{turn}/{quality}.jpg") }
    }

    /// The same of the original, by another way of resampling.
    fn wanted(&self, original: &RgbImage) -> RgbImage {
        let (x, y, w, h) = self.region;
        let part = imageops::crop_imm(original, x, y, w, h).to_image();
        let scaled = if self.size == (w, h) {
            part
        } else {
            imageops::resize(&part, self.size.0, self.size.1, imageops::FilterType::Lanczos3)
        };
        match self.kind {
            Kind::Turned(90) => imageops::rotate90(&scaled),
            Kind::Turned(180) => imageops::rotate180(&scaled),
            Kind::Turned(_) => imageops::rotate270(&scaled),
            Kind::Mirrored => imageops::flip_horizontal(&scaled),
            Kind::Gray => image::DynamicImage::from(luma(&scaled)).into_rgb8(),
            Kind::Tile(_) | Kind::Crop | Kind::Region | Kind::Percent | Kind::Thumbnail => scaled,
        }
    }

    fn check(&self, answer: &Answer, original: &RgbImage) {
        let (wanted, found) = (self.wanted(original), answer.decode().into_rgb8());
        assert_eq!(found.dimensions(), wanted.dimensions(), "{}", self.path);
        let (close, alike) = (psnr(&found, &wanted, IN_PLACE), ssim(&found, &wanted));
        assert!(close >= self.kind.least(), "{:?} {}: {close:.2} dB", self.kind, self.path);
        assert!(alike >= 0.86, "{:?} {}: SSIM {alike:.4}", self.kind, self.path);
        for shift in (0..9).map(|n| (n % 3, n / 3)) {
            let moved = psnr(&found, &wanted, shift);
            assert!(moved <= close + 1.0, "{:?} {}: {moved:.2} dB when moved", self.kind, self.path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn random_requests_are_like_the_original() {
    const SIZE: (u32, u32) = (2603, 1901);
    let world = World::new().await;
    let mut encoder = dlcs_jpeg::Encoder::new().unwrap();
    let photograph = photograph(SIZE.0, SIZE.1, 4.0);
    let jpeg = encoder.encode(SIZE, &photograph, dlcs_jpeg::Sampling::Half, 90).unwrap();
    std::fs::write(world.file("photo.jpg"), jpeg).unwrap();
    world.publish("photo", "photo.jpg", |_| {}).await;
    let original = crate::world::jpeg(jpeg).into_rgb8();
    let mut dice = Dice(1);
    let kinds = [
        [Kind::Tile(1), Kind::Tile(2), Kind::Tile(4), Kind::Crop, Kind::Region, Kind::Percent, Kind::Turned(90)],
        [Kind::Tile(1), Kind::Thumbnail, Kind::Crop, Kind::Mirrored, Kind::Gray, Kind::Turned(180), Kind::Turned(270)],
    ];
    for kind in kinds.as_flattened().iter().cycle().take(60) {
        let request = Request::random(*kind, &mut dice, SIZE);
        let answer = world.get(&format!("/iiif-img/2/3/photo/{}", request.path)).await;
        assert_eq!(answer.status, 200, "{}", request.path);
        request.check(&answer, &original);
    }
}
