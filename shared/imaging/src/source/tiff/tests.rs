//! Each kind of TIFF against the pixels it was made of.

use std::io::Cursor;

use dlcs_jpeg::{Decoder, Encoder, Output, Sampling, Scale};
use dlcs_model::{FailureCode, SourceFormat};
use tiff::encoder::colortype::{ColorType, Gray8, Gray16, RGB8, RGB16, RGBA8};
use tiff::encoder::compression::DeflateLevel;
use tiff::encoder::{Compression, Predictor, TiffEncoder, TiffValue};

use crate::source::fixtures::{Dice, TiffFile, decode, fails, open_bytes, samples, torture};
use crate::source::{Channels, Chroma, SourceInfo};

const COMPRESSIONS: [Compression; 4] =
    [Compression::Uncompressed, Compression::Lzw, Compression::Deflate(DeflateLevel::Fast), Compression::Packbits];

/// A 45 x 31 image by another library, in strips of 7 rows.
fn encode<C: ColorType>(pixels: &[C::Inner], compression: Compression, predictor: Predictor, big: bool) -> Vec<u8>
where
    [C::Inner]: TiffValue,
{
    let mut file = Cursor::new(Vec::new());
    macro_rules! write {
        ($encoder:expr) => {{
            let encoder = $encoder.unwrap().with_compression(compression).with_predictor(predictor);
            let mut encoder = encoder;
            let mut image = encoder.new_image::<C>(45, 31).unwrap();
            image.rows_per_strip(7).unwrap();
            image.write_data(pixels).unwrap();
        }};
    }
    if big {
        write!(TiffEncoder::new_big(&mut file))
    } else {
        write!(TiffEncoder::new(&mut file))
    }
    file.into_inner()
}

#[test]
fn compressions_are_exact() {
    for compression in COMPRESSIONS {
        for big in [false, true] {
            let predicts = matches!(compression, Compression::Lzw | Compression::Deflate(_));
            for predictor in [Predictor::None, Predictor::Horizontal].into_iter().take(1 + usize::from(predicts)) {
                let gray = samples(45, 31, 1);
                assert_eq!(decode(&encode::<Gray8>(&gray, compression, predictor, big)).unwrap().1, gray);
                let rgb = samples(45, 31, 3);
                assert_eq!(decode(&encode::<RGB8>(&rgb, compression, predictor, big)).unwrap().1, rgb);
                let rgba = samples(45, 31, 4);
                // That library calls its fourth sample unspecified, which is not alpha.
                let opaque: Vec<u8> = rgba.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]).collect();
                let (info, pixels) = decode(&encode::<RGBA8>(&rgba, compression, predictor, big)).unwrap();
                assert_eq!(pixels, if info.alpha { rgba } else { opaque });
                let wide: Vec<u16> = rgb.iter().map(|v| u16::from(*v) * 257).collect();
                assert_eq!(decode(&encode::<RGB16>(&wide, compression, predictor, big)).unwrap().1, rgb);
                let wide: Vec<u16> = gray.iter().map(|v| u16::from(*v) * 257).collect();
                assert_eq!(decode(&encode::<Gray16>(&wide, compression, predictor, big)).unwrap().1, gray);
            }
        }
    }
}

#[test]
fn says_what_it_is() {
    let file = TiffFile::new(5, 3, 8, 3, 2).chunk(samples(5, 3, 3));
    let wanted = SourceInfo {
        format: SourceFormat::Tiff,
        width: 5,
        height: 3,
        channels: Channels::Rgb,
        alpha: false,
        chroma: Chroma::Full,
        lossless: true,
    };
    assert_eq!(*open_bytes(&file.bytes()).unwrap().info(), wanted);
}

/// Cuts an image of whole-byte pixels into tiles, padded with noise.
fn cut(pixels: &[u8], (width, height): (usize, usize), pixel: usize, tile: usize) -> Vec<Vec<u8>> {
    let mut tiles = Vec::new();
    for top in (0..height).step_by(tile) {
        for left in (0..width).step_by(tile) {
            let mut data = vec![0xA5; tile * tile * pixel];
            for y in 0..tile.min(height - top) {
                let count = tile.min(width - left) * pixel;
                let from = ((top + y) * width + left) * pixel;
                data[y * tile * pixel..][..count].copy_from_slice(&pixels[from..from + count]);
            }
            tiles.push(data);
        }
    }
    tiles
}

#[test]
fn tiles_are_put_together() {
    let pixels = samples(53, 37, 3);
    for (little, big) in [(true, false), (false, false), (true, true), (false, true)] {
        let mut file = TiffFile::new(53, 37, 8, 3, 2).tiles(16, 16);
        (file.little, file.big, file.chunks) = (little, big, cut(&pixels, (53, 37), 3, 16));
        assert_eq!(decode(&file.bytes()).unwrap().1, pixels);
    }
}

#[test]
fn sixteen_bits_of_either_order() {
    let pixels = samples(19, 4, 3);
    for little in [true, false] {
        let order = |value: &u8| {
            let wide = u16::from(*value) * 257 + 60;
            if little { wide.to_le_bytes() } else { wide.to_be_bytes() }
        };
        let mut file =
            TiffFile::new(19, 4, 16, 3, 2).chunk(pixels.iter().map(|v| v.min(&254)).flat_map(order).collect());
        file.little = little;
        let wanted: Vec<u8> = pixels.iter().map(|v| *v.min(&254)).collect();
        assert_eq!(decode(&file.bytes()).unwrap().1, wanted);
    }
}

#[test]
fn planes_are_joined() {
    let pixels = samples(40, 20, 3);
    let planes: Vec<Vec<u8>> = (0..3).map(|n| pixels.iter().skip(n).step_by(3).copied().collect()).collect();
    let mut strips = TiffFile::new(40, 20, 8, 3, 2).with(284, 2).with(278, 8);
    let mut tiles = TiffFile::new(40, 20, 8, 3, 2).with(284, 2).tiles(16, 16);
    for plane in &planes {
        strips.chunks.extend(plane.chunks(8 * 40).map(<[u8]>::to_vec));
        tiles.chunks.extend(cut(plane, (40, 20), 1, 16));
    }
    assert_eq!(decode(&strips.bytes()).unwrap().1, pixels);
    assert_eq!(decode(&tiles.bytes()).unwrap().1, pixels);
}

#[test]
fn few_bits_and_either_polarity() {
    for (bits, packed, wanted) in [(1, 0b1011_0000, [255, 0, 255, 255]), (2, 0b1101_1000, [255, 85, 170, 0])] {
        let black = TiffFile::new(4, 1, bits, 1, 1).chunk(vec![packed]);
        assert_eq!(decode(&black.bytes()).unwrap().1, wanted);
        let white = TiffFile::new(4, 1, bits, 1, 0).chunk(vec![packed]);
        assert_eq!(decode(&white.bytes()).unwrap().1, wanted.map(|v| 255 - v));
    }
    let four = TiffFile::new(3, 2, 4, 1, 1).chunk(vec![0xF3, 0x10, 0x04, 0x50]);
    assert_eq!(decode(&four.bytes()).unwrap().1, [255, 51, 17, 0, 68, 85]);
    let rgb = TiffFile::new(2, 1, 4, 3, 2).chunk(vec![0xF3, 0x10, 0x45]);
    assert_eq!(decode(&rgb.bytes()).unwrap().1, [255, 51, 17, 0, 68, 85]);
    let planes = TiffFile::new(1, 2, 4, 3, 2).with(284, 2).chunk(vec![0xF0, 0x30]).chunk(vec![0x10, 0]);
    assert_eq!(decode(&planes.chunk(vec![0x40, 0x50]).bytes()).unwrap().1, [255, 17, 68, 51, 0, 85]);
    let reversed = TiffFile::new(8, 1, 1, 1, 1).with(266, 2).chunk(vec![0b0000_0011]);
    assert_eq!(decode(&reversed.bytes()).unwrap().1, [255, 255, 0, 0, 0, 0, 0, 0]);
    let white = TiffFile::new(2, 1, 16, 1, 0).chunk(vec![0, 0, 255, 255]);
    assert_eq!(decode(&white.bytes()).unwrap().1, [255, 0]);
}

#[test]
fn palettes_are_looked_up() {
    let colors: [[u64; 3]; 4] = [[10, 20, 30], [40, 50, 60], [70, 80, 90], [200, 210, 220]];
    for scale in [1, 257] {
        let map: Vec<u64> = (0..3).flat_map(|c| colors.iter().map(move |color| color[c] * scale)).collect();
        let file = TiffFile::new(4, 1, 2, 1, 3).with_tag(320, 3, map).chunk(vec![0b1100_0110]);
        assert_eq!(decode(&file.bytes()).unwrap().1, [200, 210, 220, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
    }
    let grays: Vec<u64> = (0..3).flat_map(|_| (0..256).map(|v| (255 - v) * 257)).collect();
    let file = TiffFile::new(3, 1, 8, 1, 3).with_tag(320, 3, grays).chunk(vec![0, 1, 255]);
    let (info, pixels) = decode(&file.bytes()).unwrap();
    assert_eq!((info.channels, pixels), (Channels::Gray, vec![255, 254, 0]));
    let short = TiffFile::new(3, 1, 8, 1, 3).with_tag(320, 3, vec![1; 6]).chunk(vec![0, 1, 2]);
    assert_eq!(fails(&short.bytes()), Some(FailureCode::CorruptImage));
}

#[test]
fn alpha_of_both_kinds() {
    let stored = [100, 50, 0, 128, 7, 7, 7, 0, 9, 8, 7, 255];
    let file = |kind| TiffFile::new(3, 1, 8, 4, 2).with(338, kind).chunk(stored.to_vec()).bytes();
    assert_eq!(decode(&file(2)).unwrap().1, stored);
    assert_eq!(decode(&file(1)).unwrap().1, [199, 100, 0, 128, 0, 0, 0, 0, 9, 8, 7, 255]);
    let (info, pixels) = decode(&file(0)).unwrap();
    assert_eq!((info.alpha, pixels), (false, vec![100, 50, 0, 7, 7, 7, 9, 8, 7]));
    let gray = TiffFile::new(2, 1, 8, 2, 0).with(338, 2).chunk(vec![10, 1, 20, 2]);
    assert_eq!(decode(&gray.bytes()).unwrap().1, [245, 1, 235, 2]);
}

#[test]
fn color_blocks_are_spread() {
    for (h, v) in [(1usize, 1usize), (2, 1), (2, 2), (4, 2)] {
        let (width, height) = (7usize, 6usize);
        let mut dice = Dice::new(3);
        let (across, down) = (width.div_ceil(h), height.div_ceil(v));
        let blocks: Vec<Vec<u8>> =
            (0..across * down).map(|_| (0..h * v + 2).map(|_| dice.roll(256) as u8).collect()).collect();
        let mut file = TiffFile::new(width as u32, height as u32, 8, 3, 6).chunk(blocks.concat());
        file = file.with_tag(530, 3, vec![h as u64, v as u64]);
        let (info, pixels) = decode(&file.bytes()).unwrap();
        assert_eq!(info.chroma, if h * v == 1 { Chroma::Full } else { Chroma::Subsampled });
        for y in 0..height {
            for x in 0..width {
                let block = &blocks[y / v * across + x / h];
                let luma = f64::from(block[y % v * h + x % h]);
                let (b, r) = (f64::from(block[h * v]) - 128.0, f64::from(block[h * v + 1]) - 128.0);
                let wanted = [luma + 1.402 * r, luma - 0.344_136 * b - 0.714_136 * r, luma + 1.772 * b];
                let got = &pixels[(y * width + x) * 3..][..3];
                assert!(got.iter().zip(wanted).all(|(g, w)| (f64::from(*g) - w.clamp(0.0, 255.0)).abs() <= 0.51));
            }
        }
    }
}

/// Splits a JPEG into its tables and the rest, as a TIFF keeps them.
fn split(jpeg: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (mut tables, mut rest) = (vec![0xFF, 0xD8], vec![0xFF, 0xD8]);
    let mut at = 2;
    while jpeg[at + 1] != 0xDA {
        let end = at + 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        let part = &jpeg[at..end];
        if matches!(part[1], 0xDB | 0xC4) {
            tables.extend(part)
        } else {
            rest.extend(part)
        }
        at = end;
    }
    rest.extend(&jpeg[at..]);
    tables.extend([0xFF, 0xD9]);
    (tables, rest)
}

#[test]
fn jpegs_inside() {
    let pixels = samples(64, 48, 3);
    let mut encoder = Encoder::new().unwrap();
    for (sampling, output, photometric, data) in [
        (Sampling::Half, Output::Rgb, 6, pixels.clone()),
        (Sampling::Full, Output::Rgb, 6, pixels.clone()),
        (Sampling::Gray, Output::Gray, 1, samples(64, 48, 1)),
    ] {
        let jpeg = encoder.encode((64, 48), &data, sampling, 90).unwrap().to_vec();
        let mut wanted = vec![0; 64 * 48 * output.samples()];
        let mut rows = Decoder::from_bytes(&jpeg).unwrap().rows(output, Scale::Full).unwrap();
        let mut done = 0;
        while done < wanted.len() {
            done += rows.read(&mut wanted[done..]).unwrap() * 64 * output.samples();
        }
        let plain = TiffFile::new(64, 48, 8, output.samples() as u16, photometric).with(259, 7);
        let (info, got) = decode(&plain.clone().chunk(jpeg.clone()).bytes()).unwrap();
        assert_eq!(got, wanted);
        assert!(!info.lossless);
        let (tables, rest) = split(&jpeg);
        assert!(rest.len() < jpeg.len() - 100);
        let shared = plain.with_tag(347, 7, tables.iter().map(|b| u64::from(*b)).collect()).chunk(rest);
        assert_eq!(decode(&shared.bytes()).unwrap().1, wanted);
        let tiles = shared.clone().tiles(64, 48);
        assert_eq!(decode(&tiles.bytes()).unwrap().1, wanted);
        torture(&shared.bytes(), 60);
    }
}

#[test]
fn jpeg_of_another_size_is_refused() {
    let jpeg = Encoder::new().unwrap().encode((32, 48), &samples(32, 48, 3), Sampling::Full, 90).unwrap().to_vec();
    let file = TiffFile::new(64, 48, 8, 3, 6).with(259, 7).chunk(jpeg);
    assert_eq!(fails(&file.bytes()), Some(FailureCode::CorruptImage));
}

#[test]
fn the_full_image_is_found() {
    let pixels = samples(6, 5, 1);
    let mut file = TiffFile::new(6, 5, 8, 1, 1).chunk(pixels.clone());
    file.before = TiffFile::new(2, 2, 8, 1, 1).with(254, 1).tags;
    let (info, got) = decode(&file.bytes()).unwrap();
    assert_eq!((info.width, info.height, got), (6, 5, pixels));
}

#[test]
fn lengths_may_be_left_out() {
    let pixels = samples(6, 5, 1);
    let file = TiffFile::new(6, 5, 8, 1, 1).with_tag(279, 4, vec![]).chunk(pixels.clone());
    assert_eq!(decode(&file.bytes()).unwrap().1, pixels);
}

#[test]
fn damage_is_found() {
    let pixels = samples(60, 40, 3);
    for compression in COMPRESSIONS {
        let file = encode_long(&pixels, compression);
        torture(&file, file.len() - 4);
    }
    let tiled = TiffFile { chunks: cut(&pixels, (60, 40), 3, 16), ..TiffFile::new(60, 40, 8, 3, 2).tiles(16, 16) };
    torture(&tiled.bytes(), 60 * 40 * 3);
}

/// A file whose directory is at its end: no cut leaves it whole.
fn encode_long(pixels: &[u8], compression: Compression) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    let mut encoder = TiffEncoder::new(&mut file).unwrap().with_compression(compression);
    encoder.write_image::<RGB8>(60, 40, pixels).unwrap();
    file.into_inner()
}

#[test]
fn odd_kinds_are_named() {
    let plain = TiffFile::new(4, 4, 8, 3, 2).chunk(vec![0; 48]);
    for (tag, value, word) in [
        (259, 6, "old style"),
        (259, 50000, "Zstandard"),
        (259, 999, "compression 999"),
        (262, 8, "L*a*b*"),
        (339, 3, "floating-point"),
        (258, 32, "32 bits"),
    ] {
        let failure = open_bytes(&plain.clone().with(tag, value).bytes()).err().unwrap();
        assert_eq!(failure.code, FailureCode::UnsupportedFormat);
        assert!(failure.detail.contains(word), "{}", failure.detail);
    }
}

#[test]
fn nonsense_is_corrupt() {
    let plain = TiffFile::new(4, 4, 8, 3, 2).chunk(vec![0; 48]);
    let corrupt = [
        plain.clone().with(256, 0),
        plain.clone().with(278, 0),
        plain.clone().with(278, 2),
        plain.clone().with_tag(320, 3, vec![1; 5]).with(262, 3),
        plain.clone().tiles(0, 16),
    ];
    for file in &corrupt {
        assert_eq!(fails(&file.bytes()), Some(FailureCode::CorruptImage));
    }
    // A strip that runs into the directory is read as pixels, but one that the file ends in is not.
    let mut bytes = plain.bytes();
    let at = bytes.windows(12).position(|w| w[..8] == [17, 1, 4, 0, 1, 0, 0, 0]).unwrap();
    bytes[at + 8..at + 12].copy_from_slice(&u32::MAX.to_le_bytes());
    assert_eq!(fails(&bytes), Some(FailureCode::CorruptImage));
    let mut endless = plain.bytes();
    let end = endless.len();
    let directory = u32::from_le_bytes(endless[4..8].try_into().unwrap());
    endless[end - 4..].copy_from_slice(&directory.to_le_bytes());
    assert!(decode(&endless).is_ok(), "a chain of directories that bites its tail does no harm");
}
