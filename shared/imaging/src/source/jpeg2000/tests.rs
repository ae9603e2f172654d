//! JPEG 2000 of every kind that OpenJPEG's own encoder writes, and boxes put around its codestreams.

use std::process::Command;

use dlcs_model::FailureCode;
use moxcms::ColorProfile;

use crate::source::fixtures::{decode, fails, open_bytes, open_limited, samples, torture};
use crate::source::{Channels, Chroma, Limits};

const SIZE: (u32, u32) = (203, 131);

/// What `opj_compress` makes of a file with this extension.
fn compress(extension: &str, file: &[u8], options: &str, format: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = [extension, format].map(|extension| folder.path().join(format!("image.{extension}")));
    std::fs::write(&from, file).unwrap();
    let mut command = Command::new("opj_compress");
    command.arg("-i").arg(&from).arg("-o").arg(&to).args(options.split_whitespace());
    let output = command.output().expect("opj_compress of the package libopenjp2-tools");
    assert!(output.status.success(), "{options}: {output:?}");
    std::fs::read(to).unwrap()
}

/// PNM of interleaved samples.
fn pnm(channels: u32, most: u32, samples: &[u8]) -> Vec<u8> {
    let kind = if channels == 1 { 5 } else { 6 };
    [format!("P{kind}\n{} {}\n{most}\n", SIZE.0, SIZE.1).as_bytes(), samples].concat()
}

fn rgb() -> Vec<u8> {
    samples(SIZE.0, SIZE.1, 3)
}

/// A box of a JP2.
fn boxed(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes(), &kind[..], body].concat()
}

/// A JP2 of this codestream, with these boxes in its header.
fn jp2(codestream: &[u8], header: &[Vec<u8>]) -> Vec<u8> {
    let [height, width] = [SIZE.1, SIZE.0].map(u32::to_be_bytes);
    let ihdr = [&height, &width, &[0, codestream[41], 7, 7, 0, 0][..]].concat();
    let header = [vec![boxed(b"ihdr", &ihdr)], header.to_vec()].concat().concat();
    [
        boxed(b"jP  ", b"\r\n\x87\n"),
        boxed(b"ftyp", b"jp2 \0\0\0\0jp2 "),
        boxed(b"jp2h", &header),
        boxed(b"jp2c", codestream),
    ]
    .concat()
}

fn enumerated(space: u8) -> Vec<u8> {
    boxed(b"colr", &[1, 0, 0, 0, 0, 0, space])
}

/// Decibels between samples.
fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: f64 = a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    10.0 * (255.0 * 255.0 * a.len() as f64 / sum).log10()
}

#[test]
fn lossless_is_exact() {
    let rgb = rgb();
    for format in ["jp2", "j2k"] {
        for options in ["", "-t 64,48", "-p RPCL -n 3", "-SOP -EPH -b 32,32", "-M 1", "-d 5,7 -t 64,64", "-TP R"] {
            let (info, pixels) = decode(&compress("ppm", &pnm(3, 255, &rgb), options, format)).unwrap();
            assert_eq!((info.width, info.height), SIZE, "{options}");
            assert_eq!((info.channels, info.chroma, info.alpha), (Channels::Rgb, Chroma::Full, false));
            assert!(info.lossless);
            assert!(pixels == rgb, "{format} {options}: {} dB", psnr(&pixels, &rgb));
        }
    }
}

#[test]
fn lossy_is_close() {
    let rgb: Vec<u8> = (0..SIZE.1).flat_map(|y| (0..SIZE.0).flat_map(move |x| [x as u8, y as u8, 90])).collect();
    for options in ["-I -r 20", "-I -r 20 -t 128,128", "-I -q 45"] {
        let (info, pixels) = decode(&compress("ppm", &pnm(3, 255, &rgb), options, "jp2")).unwrap();
        assert!(!info.lossless);
        assert!(psnr(&pixels, &rgb) > 40.0, "{options}: {} dB", psnr(&pixels, &rgb));
    }
}

#[test]
fn gray_stays_gray() {
    let gray = samples(SIZE.0, SIZE.1, 1);
    for format in ["jp2", "j2k"] {
        let (info, pixels) = decode(&compress("pgm", &pnm(1, 255, &gray), "", format)).unwrap();
        assert_eq!((info.channels, info.alpha), (Channels::Gray, false));
        assert!(pixels == gray);
    }
}

#[test]
fn many_bits_become_eight() {
    for (bits, most) in [(12, 4095u32), (16, 65_535)] {
        let wide: Vec<u16> =
            samples(SIZE.0, SIZE.1, 6).as_chunks().0.iter().map(|s| u16::from_be_bytes(*s) >> (16 - bits)).collect();
        let bytes: Vec<u8> = wide.iter().flat_map(|sample| sample.to_be_bytes()).collect();
        let (_, pixels) = decode(&compress("ppm", &pnm(3, most, &bytes), "", "jp2")).unwrap();
        // By way of 16 bits, as a profile would be applied in them.
        let round = |v: u16| ((f64::from(v) * 65_535.0 / f64::from(most)).round() / 257.0).round() as u8;
        let wanted: Vec<u8> = wide.iter().map(|v| round(*v)).collect();
        assert!(pixels == wanted, "{bits} bits");
    }
}

#[test]
fn alpha_is_kept() {
    for (color, channels, kept) in
        [(png::ColorType::Rgba, 4, Channels::Rgb), (png::ColorType::GrayscaleAlpha, 2, Channels::Gray)]
    {
        let data = samples(SIZE.0, SIZE.1, channels);
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, SIZE.0, SIZE.1);
        encoder.set_color(color);
        encoder.write_header().unwrap().write_image_data(&data).unwrap();
        let (info, pixels) = decode(&compress("png", &file, "", "jp2")).unwrap();
        assert_eq!((info.channels, info.alpha), (kept, true));
        assert!(pixels == data, "{color:?}");
    }
}

#[test]
fn palettes_are_resolved() {
    let indices: Vec<u8> = (0..SIZE.0 * SIZE.1).map(|n| (n / 7 % 3) as u8).collect();
    let codestream = compress("pgm", &pnm(1, 255, &indices), "", "j2k");
    let colors = [[1, 2, 3], [200, 100, 50], [0, 255, 128]];
    let pclr = boxed(b"pclr", &[&[0, 3, 3, 7, 7, 7][..], colors.as_flattened()].concat());
    let cmap = boxed(b"cmap", &[0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 1, 2]);
    let (info, pixels) = decode(&jp2(&codestream, &[enumerated(16), pclr, cmap])).unwrap();
    assert_eq!((info.channels, info.alpha), (Channels::Rgb, false));
    let wanted: Vec<u8> = indices.iter().flat_map(|index| colors[usize::from(*index)]).collect();
    assert!(pixels == wanted);
}

/// JFIF's luma and colour differences of a colour.
fn ycc([r, g, b]: [u8; 3]) -> [u8; 3] {
    let [r, g, b] = [r, g, b].map(f64::from);
    let y = 0.299 * r + 0.587 * g + 0.114 * b;
    [y, 128.0 + (b - y) * 0.564_334, 128.0 + (r - y) * 0.713_267].map(|v| v.round().clamp(0.0, 255.0) as u8)
}

#[test]
fn sycc_becomes_rgb() {
    let rgb = rgb();
    let stored: Vec<u8> = rgb.as_chunks().0.iter().flat_map(|pixel| ycc(*pixel)).collect();
    let codestream = compress("ppm", &pnm(3, 255, &stored), "-mct 0", "j2k");
    let (info, pixels) = decode(&jp2(&codestream, &[enumerated(18)])).unwrap();
    assert_eq!((info.channels, info.chroma), (Channels::Rgb, Chroma::Full));
    let most = rgb.iter().zip(&pixels).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(most <= Some(2), "{most:?}");
}

#[test]
fn subsampled_colour_is_spread() {
    let color = [180, 90, 40];
    let [y, cb, cr] = ycc(color);
    // Of odd sides the encoder wants fewer samples than the standard.
    let (width, height) = (202, 130);
    let (pixels, quarter) = (width * height, width * height / 4);
    let raw: Vec<u8> = [(y, pixels), (cb, quarter), (cr, quarter)].iter().flat_map(|(v, n)| vec![*v; *n]).collect();
    let options = format!("-F {width},{height},3,8,u@1x1:2x2:2x2 -mct 0");
    let codestream = compress("raw", &raw, &options, "j2k");
    for file in [jp2(&codestream, &[enumerated(18)]), codestream] {
        let (info, pixels) = decode(&file).unwrap();
        assert_eq!((info.width, info.height, info.chroma), (202, 130, Chroma::Subsampled));
        let near = |pixel: &[u8]| pixel.iter().zip(color).all(|(a, b)| a.abs_diff(b) <= 2);
        assert!(pixels.chunks_exact(3).all(near));
    }
}

#[test]
fn profiles_are_applied() {
    let flat = [200, 100, 50].repeat((SIZE.0 * SIZE.1) as usize);
    let codestream = compress("ppm", &pnm(3, 255, &flat), "", "j2k");
    let icc = ColorProfile::new_adobe_rgb().encode().unwrap();
    let colr = |icc: &[u8]| boxed(b"colr", &[&[2, 0, 0], icc].concat());
    let (_, pixels) = decode(&jp2(&codestream, &[colr(&icc)])).unwrap();
    assert!(pixels.chunks_exact(3).all(|p| p.iter().zip([227, 100, 42]).all(|(a, b)| a.abs_diff(b) <= 1)));
    let (_, pixels) = decode(&jp2(&codestream, &[colr(&icc[..60])])).unwrap();
    assert!(pixels == flat, "a broken profile counts as absent");
}

#[test]
fn the_first_of_several_counts() {
    let (first, second) = (rgb(), samples(SIZE.0, SIZE.1, 6)[..(SIZE.0 * SIZE.1 * 3) as usize].to_vec());
    let [one, two] = [&first, &second].map(|rgb| compress("ppm", &pnm(3, 255, rgb), "", "j2k"));
    let file = [jp2(&one, &[enumerated(16)]), boxed(b"xml ", b"<x/>"), boxed(b"jp2c", &two)].concat();
    assert!(decode(&file).unwrap().1 == first);
}

#[test]
fn claims_are_refused_before_memory_is_taken() {
    let mut file = compress("ppm", &pnm(3, 255, &rgb()), "", "j2k");
    let weight = open_bytes(&file).unwrap().memory();
    let pixels = u64::from(SIZE.0 * SIZE.1);
    assert!((20 * pixels..40 * pixels).contains(&weight), "{weight}");
    let limits = Limits { whole_pixels: pixels - 1, ..Limits::default() };
    assert_eq!(open_limited(&file, &limits).err().unwrap().code, FailureCode::TooManyPixels);
    // The size in SIZ.
    for (at, size) in [(8, 70_000u32), (12, 70_000)] {
        let mut large = file.clone();
        large[at..at + 4].copy_from_slice(&size.to_be_bytes());
        assert_eq!(fails(&large), Some(FailureCode::TooManyPixels));
    }
    for at in [8, 12] {
        file[at..at + 4].copy_from_slice(&40_000u32.to_be_bytes());
    }
    assert_eq!(fails(&file), Some(FailureCode::TooManyPixels));
}

#[test]
fn tiles_without_end_are_refused() {
    let mut file = compress("ppm", &pnm(3, 255, &rgb()), "-t 64,64", "j2k");
    // Tiles of one pixel: more than their numbers can tell apart, and room for each would be made.
    for (at, number) in [(8, 4000_u32), (12, 4000), (24, 1), (28, 1)] {
        file[at..at + 4].copy_from_slice(&number.to_be_bytes());
    }
    assert_eq!(open_bytes(&file).err().unwrap().code, FailureCode::CorruptImage);
    for (at, number) in [(24, 16_u32), (28, 16)] {
        file[at..at + 4].copy_from_slice(&number.to_be_bytes());
    }
    assert!(open_bytes(&file).is_ok(), "62500 tiles are as many as there may be");
}

/// Precincts at each resolution, which the encoder makes of 64 x 64 pixels.
const PRECINCTS: &str = "-c [64,64],[64,64],[64,64],[64,64],[64,64],[64,64]";

/// Says that those precincts have other sides.
fn cut(file: &mut [u8], sides: u8) {
    let coding = file.windows(2).position(|pair| pair == [0xFF, 0x52]).unwrap();
    file[coding + 14..coding + 20].fill(sides);
}

/// The decoder's trees are square: it looks for blocks where a flat precinct has none.
#[test]
fn flat_precincts_are_refused() {
    let mut file = compress("ppm", &pnm(3, 255, &rgb()), PRECINCTS, "j2k");
    assert_eq!(fails(&file), None);
    // They are 2 pixels wide and 32768 high.
    cut(&mut file, 0xF1);
    for (at, side) in [(8, 1000_u32), (12, 60_000), (24, 1000), (28, 60_000)] {
        file[at..at + 4].copy_from_slice(&side.to_be_bytes());
    }
    assert_eq!(fails(&file), Some(FailureCode::CorruptImage));
}

/// The decoder keeps more of a block than a block of few pixels takes.
#[test]
fn pieces_of_tiles_are_weighed() {
    let memory = |options: &str, precincts: Option<u8>| {
        let mut file = compress("ppm", &pnm(3, 255, &rgb()), options, "j2k");
        precincts.into_iter().for_each(|sides| cut(&mut file, sides));
        // One tile of 6000 x 6000 pixels, of which there is not much.
        for at in [8, 12, 24, 28] {
            file[at..at + 4].copy_from_slice(&6000_u32.to_be_bytes());
        }
        open_bytes(&file).unwrap().memory() / 1_000_000
    };
    let usual = memory("", None);
    assert!((800..950).contains(&usual), "{usual} MB");
    assert!(memory("-b 32,32", None) < usual + 150);
    let tiny = memory("-b 4,4", None);
    assert!(tiny > usual + 3_000, "{tiny} MB");
    let precincts = memory(PRECINCTS, Some(0x22));
    assert!(precincts > 10_000, "{precincts} MB");
}

#[test]
fn damage_is_found() {
    for (options, format) in [("", "jp2"), ("-t 64,64", "j2k"), ("-I -r 10", "jp2")] {
        let file = compress("ppm", &pnm(3, 255, &rgb()), options, format);
        torture(&file, file.len());
        assert_eq!(fails(&file[..file.len() / 2]), Some(FailureCode::CorruptImage));
    }
}

#[test]
fn unreadable_kinds_are_named() {
    let codestream = compress("ppm", &pnm(3, 255, &rgb()), "", "j2k");
    assert_eq!(fails(&jp2(&codestream, &[enumerated(24)])), Some(FailureCode::UnsupportedFormat));
    // Part 15, high throughput, announces itself in the marker segment CAP.
    let cap = [0xFF, 0x50, 0, 8, 0, 2, 0, 0, 0, 0];
    let end = 4 + usize::from(u16::from_be_bytes([codestream[4], codestream[5]]));
    let fast = [&codestream[..end], &cap, &codestream[end..]].concat();
    assert_eq!(fails(&fast), Some(FailureCode::UnsupportedFormat));
}
