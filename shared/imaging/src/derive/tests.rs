//! Derivatives of whole images, looked at as their readers do.

use std::path::PathBuf;

use dlcs_jpeg::{Decoder, Encoder, Output as Pixels, Sampling, Scale};
use dlcs_model::FailureCode;
use dlcs_model::limits::TILE_SIDE;

use proptest::prelude::*;

use super::*;
use crate::geometry;
use crate::head::{Head, TileRange};
use crate::source::fixtures::{Dice, samples};

/// A derivative with its file.
struct Made {
    folder: tempfile::TempDir,
    derived: Derived,
    head: Head,
    bytes: Vec<u8>,
}

fn make(source: &[u8]) -> Result<Made, Failure> {
    make_within(source, &Limits::default())
}

fn make_within(source: &[u8], limits: &Limits) -> Result<Made, Failure> {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["source", "derivative.tif"].map(|name| folder.path().join(name));
    std::fs::write(&from, source).unwrap();
    let outputs = Outputs::create(&to, folder.path()).unwrap();
    let derive = |helper| open(File::open(&from).unwrap(), limits)?.derive(&outputs, helper);
    let derived = derive(None);
    let bytes = std::fs::read(&to).unwrap();
    // Two threads make the same, also the same complaints.
    let helper = Helper::start(|| ()).unwrap().0;
    assert_eq!(derive(Some(&helper)), derived);
    let derived = derived?;
    assert!(std::fs::read(&to).unwrap() == bytes);
    verify(&outputs.derivative, &derived).unwrap();
    let head = Head::parse(&bytes[..derived.head_length as usize]).unwrap();
    Ok(Made { folder, derived, head, bytes })
}

impl Made {
    fn decode(&self, range: TileRange, output: Pixels) -> (u32, u32, Vec<u8>) {
        decode(&self.bytes[range.offset as usize..][..range.length as usize], output)
    }

    /// A whole level, put together from its exact tiles.
    fn level(&self, index: u32, output: Pixels) -> (u32, u32, Vec<u8>) {
        self.stitch(index, output, |column, row| self.head.tile(index, column, row).unwrap())
    }

    fn stitch(&self, index: u32, output: Pixels, tile: impl Fn(u32, u32) -> TileRange) -> (u32, u32, Vec<u8>) {
        let level = geometry::levels(self.derived.width, self.derived.height)[index as usize];
        let samples = output.samples();
        let mut pixels = vec![0; level.width as usize * level.height as usize * samples];
        for row in 0..level.rows() {
            for column in 0..level.columns() {
                let (width, height) = level.tile_size(column, row);
                let (tile_width, tile_height, from) = self.decode(tile(column, row), output);
                assert!(tile_width >= width && tile_height >= height);
                for y in 0..height as usize {
                    let line = &from[y * tile_width as usize * samples..][..width as usize * samples];
                    let at = ((row * TILE_SIDE) as usize + y) * level.width as usize + (column * TILE_SIDE) as usize;
                    pixels[at * samples..][..line.len()].copy_from_slice(line);
                }
            }
        }
        (level.width, level.height, pixels)
    }
}

fn decode(jpeg: &[u8], output: Pixels) -> (u32, u32, Vec<u8>) {
    let mut rows = Decoder::from_bytes(jpeg).unwrap().rows(output, Scale::Full).unwrap();
    let mut pixels = vec![0; rows.width() as usize * rows.height() as usize * output.samples()];
    assert_eq!(rows.read(&mut pixels).unwrap(), rows.height() as usize);
    (rows.width(), rows.height(), pixels)
}

fn png(width: u32, height: u32, color: png::ColorType, pixels: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut encoder = png::Encoder::new(&mut out, width, height);
    encoder.set_color(color);
    encoder.write_header().unwrap().write_image_data(pixels).unwrap();
    out
}

fn jpeg(width: u32, height: u32, pixels: &[u8], sampling: Sampling, quality: u8) -> Vec<u8> {
    Encoder::new().unwrap().encode((width, height), pixels, sampling, quality).unwrap().to_vec()
}

fn fill(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    (0..height).flat_map(|y| (0..width).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect()
}

/// Waves of several lengths with a little grain, as in a photograph.
fn textured(width: u32, height: u32) -> Vec<u8> {
    let mut dice = Dice::new(3);
    let mut pixels = fill(width, height, |x, y| {
        let wave = |length: f32, phase: f32| ((x as f32 * 0.8 + y as f32 * 0.6) / length + phase).sin() * 30.0;
        let light = 128.0 + wave(3.7, 0.0) + wave(41.0, (x as f32 / 90.0).cos() * 3.0);
        [light + wave(150.0, 1.0), light, light - wave(90.0, 2.0)].map(|v| v as u8)
    });
    pixels.iter_mut().for_each(|sample| *sample = sample.saturating_add(dice.roll(9) as u8));
    pixels
}

fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let squares: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / squares.max(1e-9)).log10()
}

const SIZES: [(u32, u32); 13] = [
    (1, 1),
    (1, 700),
    (700, 1),
    (2, 3),
    (511, 511),
    (512, 512),
    (513, 512),
    (512, 513),
    (514, 513),
    (1024, 1024),
    (1025, 600),
    (1537, 33),
    (520, 1100),
];

/// Four flat quarters keep their colours on every level, away from where they meet.
#[test]
fn flat_colours_stay_on_every_level() {
    let quarters = [[250, 10, 20], [20, 200, 40], [30, 60, 240], [240, 230, 15]];
    for (width, height) in SIZES {
        let colour = |x: u32, y: u32| quarters[usize::from(x >= width / 2) + 2 * usize::from(y >= height / 2)];
        let made = make(&png(width, height, png::ColorType::Rgb, &fill(width, height, colour))).unwrap();
        assert_eq!((made.derived.width, made.derived.height), (width, height));
        assert!(!made.head.is_gray() && !made.head.has_alpha());
        for index in 0..made.derived.levels {
            let (w, h, pixels) = made.level(index, Pixels::Rgb);
            let distance = |at: u32, side: u32| (f64::from(at) + 0.5 - f64::from(side) / 2.0).abs();
            for (at, pixel) in (0..).zip(pixels.chunks_exact(3)) {
                let (x, y) = (at % w, at / w);
                if (width == 1 || distance(x, w) > 10.0) && (height == 1 || distance(y, h) > 10.0) {
                    let expected = colour(x << index, y << index);
                    let off = pixel.iter().zip(expected).map(|(a, b)| a.abs_diff(b)).max().unwrap();
                    assert!(off <= 5, "{width}x{height} level {index} at {x},{y}: {pixel:?} for {expected:?}");
                }
            }
        }
    }
}

/// The exact tiles show what the padded ones show: luma comes out the same to the last bit.
#[test]
fn twins_agree_with_padded_tiles() {
    for (width, height) in SIZES {
        for sampling in [Sampling::Gray, Sampling::Full, Sampling::Half] {
            let mut pixels = textured(width, height);
            if sampling == Sampling::Gray {
                pixels = pixels.chunks_exact(3).map(|pixel| pixel[1]).collect();
            }
            let made = make(&jpeg(width, height, &pixels, sampling, 92)).unwrap();
            assert_eq!(made.head.is_gray(), sampling == Sampling::Gray);
            for index in 0..made.derived.levels {
                let padded =
                    made.stitch(index, Pixels::Gray, |column, row| made.head.padded(index, column, row).unwrap());
                assert!(padded == made.level(index, Pixels::Gray), "{width}x{height} {sampling:?} level {index}");
            }
        }
    }
}

#[test]
fn tiles_have_the_size_their_range_promises() {
    let made = make(&jpeg(1100, 530, &textured(1100, 530), Sampling::Half, 90)).unwrap();
    for level in geometry::levels(1100, 530) {
        for (column, row) in (0..level.rows()).flat_map(|row| (0..level.columns()).map(move |column| (column, row))) {
            let tile = made.decode(made.head.tile(level.index, column, row).unwrap(), Pixels::Gray);
            assert_eq!((tile.0, tile.1), level.tile_size(column, row));
            let tile = made.decode(made.head.padded(level.index, column, row).unwrap(), Pixels::Gray);
            assert_eq!((tile.0, tile.1), (TILE_SIDE, TILE_SIDE));
        }
    }
}

#[test]
fn a_photograph_keeps_its_detail() {
    let (width, height) = (1030, 777);
    let original = textured(width, height);
    for (sampling, at_least) in [(Sampling::Half, 37.0), (Sampling::Full, 37.0)] {
        let source = jpeg(width, height, &original, sampling, 92);
        let decoded = decode(&source, Pixels::Rgb).2;
        let level = make(&source).unwrap().level(0, Pixels::Rgb).2;
        let reached = psnr(&decoded, &level);
        assert!(reached > at_least, "{sampling:?}: {reached:.2} dB");
    }
}

/// 4:2:2 is taken over by planes, too.
#[test]
fn colour_shared_by_two_pixels_side_by_side() {
    let source = include_bytes!("../../testdata/wide.jpg");
    assert_eq!(Decoder::from_bytes(source).unwrap().header().sampling[0], (2, 1));
    let made = make(source).unwrap();
    let (width, height, pixels) = made.level(0, Pixels::Rgb);
    assert_eq!((width, height), (530, 37));
    let reached = psnr(&decode(source, Pixels::Rgb).2, &pixels);
    assert!(reached > 37.0, "{reached:.2} dB");
}

#[test]
fn reduced_levels_are_means() {
    let (width, height) = (1026, 515);
    let pixels = fill(width, height, |x, y| [if (x ^ y) & 1 == 0 { 250 } else { 50 }; 3]);
    let made = make(&png(width, height, png::ColorType::Rgb, &pixels)).unwrap();
    let level = made.level(1, Pixels::Rgb).2;
    let inside = level.chunks_exact(513 * 3).take(257).flat_map(|row| &row[..512 * 3]);
    assert!(inside.into_iter().all(|&sample| sample.abs_diff(150) <= 2), "a checkerboard becomes its mean");
}

#[test]
fn alpha_is_kept_beside_colour_on_white() {
    let (width, height) = (700, 530);
    let pixels: Vec<u8> = fill(width, height, |_, y| [200, 0, if y < 300 { 255 } else { 0 }])
        .chunks_exact(3)
        .flat_map(|p| [p[0], 40, 90, p[2]])
        .collect();
    let made = make(&png(width, height, png::ColorType::Rgba, &pixels)).unwrap();
    assert!(made.head.has_alpha());
    for index in 0..made.derived.levels {
        let level = geometry::levels(width, height)[index as usize];
        let alpha = made.stitch(index, Pixels::Gray, |column, row| made.head.alpha_tile(index, column, row).unwrap()).2;
        let colour = made.level(index, Pixels::Rgb).2;
        let at = |y: u32| (y * level.width + 7) as usize;
        let (opaque, clear) = (at(200 >> index), at(400 >> index));
        assert!(alpha[opaque] >= 253 && alpha[clear] <= 2);
        let near = |at: usize, rgb: [u8; 3]| colour[at * 3..][..3].iter().zip(rgb).all(|(a, b)| a.abs_diff(b) <= 5);
        assert!(near(opaque, [200, 40, 90]) && near(clear, [255, 255, 255]));
    }
}

#[test]
fn alpha_that_hides_nothing_is_dropped() {
    let pixels: Vec<u8> = textured(600, 40).chunks_exact(3).flat_map(|p| [p[0], p[1], p[2], 255]).collect();
    let made = make(&png(600, 40, png::ColorType::Rgba, &pixels)).unwrap();
    assert!(!made.head.has_alpha() && made.head.alpha_tile(0, 0, 0).is_none());
}

#[test]
fn thumbnails_show_the_image() {
    let edges = |width: u32, height: u32| {
        let pixels = fill(width, height, |_, y| if y < height / 2 { [220, 40, 60] } else { [30, 90, 200] });
        let made = make(&jpeg(width, height, &pixels, Sampling::Half, 95)).unwrap();
        let thumbnails = &made.derived.thumbnails;
        for thumbnail in thumbnails {
            let file = std::fs::read(Outputs::thumbnail(made.folder.path(), thumbnail.edge)).unwrap();
            assert_eq!(file.len() as u64, thumbnail.bytes);
            let (w, h, pixels) = decode(&file, Pixels::Rgb);
            assert_eq!((w, h), (thumbnail.width, thumbnail.height));
            assert_eq!((w, h), geometry::fit_long_edge(width, height, thumbnail.edge));
            let near = |at: usize, rgb: [u8; 3]| pixels[at..][..3].iter().zip(rgb).all(|(a, b)| a.abs_diff(b) <= 6);
            assert!(near(0, [220, 40, 60]) && near(pixels.len() - 3, [30, 90, 200]));
        }
        thumbnails.iter().map(|thumbnail| thumbnail.edge).collect::<Vec<_>>()
    };
    assert_eq!(edges(2600, 1700), [100, 200, 400, 1024]);
    assert_eq!(edges(1023, 1024), [100, 200, 400, 1024]);
    assert_eq!(edges(333, 1023), [100, 200, 400]);
    assert!(edges(99, 60).is_empty());
}

fn code(source: &[u8]) -> FailureCode {
    make(source).err().map(|failure| failure.code).unwrap()
}

#[test]
fn bad_sources_are_told_apart() {
    let good = jpeg(600, 600, &textured(600, 600), Sampling::Half, 90);
    assert_eq!(code(&good[..good.len() / 2]), FailureCode::CorruptImage);
    assert_eq!(code(&good[..100]), FailureCode::CorruptImage);
    assert_eq!(code(b"<!DOCTYPE html><p>Not here."), FailureCode::NotAnImage);
    assert_eq!(code(b""), FailureCode::NotAnImage);
    let mut torn = good.clone();
    let middle = torn.len() / 2;
    torn[middle..middle + 400].fill(0xFF);
    assert_eq!(code(&torn), FailureCode::CorruptImage);
}

#[test]
fn limits_come_before_pixels() {
    let source = jpeg(600, 300, &textured(600, 300), Sampling::Half, 90);
    for limits in
        [Limits { side: 599, ..Limits::default() }, Limits { streamed_pixels: 600 * 300 - 1, ..Limits::default() }]
    {
        assert_eq!(make_within(&source, &limits).err().unwrap().code, FailureCode::TooManyPixels);
    }
    // A header that promises more than JPEG can hold must not cost any memory.
    let mut huge = source;
    let frame = huge.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
    huge[frame + 5..frame + 9].copy_from_slice(&[0xFF, 0xFF, 0xFF, 0xFF]);
    assert_eq!(code(&huge), FailureCode::TooManyPixels);
}

#[test]
fn verify_notices_damage() {
    let Made { folder, derived, head, bytes } = make(&jpeg(900, 600, &textured(900, 600), Sampling::Half, 90)).unwrap();
    let path: PathBuf = folder.path().join("damaged.tif");
    let refused = |bytes: &[u8], derived: &Derived| {
        std::fs::write(&path, bytes).unwrap();
        verify(&File::open(&path).unwrap(), derived).is_err()
    };
    assert!(!refused(&bytes, &derived));
    assert!(refused(&bytes[..bytes.len() - 1], &derived), "cut short");
    assert!(refused(&bytes, &Derived { width: 901, ..derived.clone() }), "another size");
    let mut damaged = bytes;
    let tile = head.tile(1, 0, 0).unwrap();
    damaged[tile.offset as usize..][..tile.length as usize].fill(0);
    assert!(refused(&damaged, &derived), "a tile without content");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]
    /// Whatever is wrong with a JPEG, either it is refused for its own fault or its derivative is sound.
    #[test]
    fn damaged_jpegs_are_refused_or_derived(half: bool, edits in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6)) {
        let sampling = if half { Sampling::Half } else { Sampling::Full };
        let mut source = jpeg(90, 70, &textured(90, 70), sampling, 60);
        for (at, byte) in edits {
            let at = at % source.len();
            source[at] = byte;
        }
        if let Err(failure) = make_within(&source, &Limits { streamed_pixels: 400_000, ..Limits::default() }) {
            prop_assert!(failure.code != FailureCode::Internal && failure.code != FailureCode::DecoderCrash, "{failure}");
        }
    }
}

#[test]
fn trouble_on_a_second_thread_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut outputs = Outputs::create(&folder.path().join("derivative.tif"), folder.path()).unwrap();
    outputs.derivative = File::options().write(true).open("/dev/full").unwrap();
    let helper = Helper::start(|| ()).unwrap().0;
    let source = folder.path().join("source");
    std::fs::write(&source, png(1000, 3000, png::ColorType::Rgb, &samples(1000, 3000, 3))).unwrap();
    let derive = || open(File::open(&source).unwrap(), &Limits::default()).unwrap().derive(&outputs, Some(&helper));
    assert_eq!(derive().unwrap_err().code, FailureCode::Internal);
    // A helper that is gone is our trouble as well.
    let gone = helper.give(|| panic!("as a bug would"));
    gone.recv().unwrap_err();
    assert_eq!(derive().unwrap_err().code, FailureCode::Internal);
}
