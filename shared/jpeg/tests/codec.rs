//! Encode and decode real JPEGs, and break them.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::io::{Seek, Write};

use dlcs_jpeg::{Colour, Decoder, Encoder, ErrorKind, Header, Output, Plane, PlaneMut, Sampling, Scale};
use proptest::prelude::*;

/// A smooth colour picture with some texture.
fn picture(width: u32, height: u32) -> Vec<u8> {
    let pixel = |x: u32, y: u32| [(x * 2) as u8 / 2, (y * 3 % 251) as u8 / 2 + 40, ((x + y) % 97) as u8 + 60];
    (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect()
}

fn encode(width: u32, height: u32, sampling: Sampling) -> Vec<u8> {
    let mut encoder = Encoder::new().unwrap();
    encoder.encode((width, height), &picture(width, height), sampling, 95).unwrap().to_vec()
}

fn rows(jpeg: &[u8], output: Output, scale: Scale) -> Result<(u32, u32, Vec<u8>), dlcs_jpeg::Error> {
    let mut rows = Decoder::from_bytes(jpeg)?.rows(output, scale)?;
    let (width, height) = (rows.width(), rows.height());
    let mut pixels = vec![0; width as usize * height as usize * output.samples()];
    let mut done = 0;
    while done < height as usize {
        let at = done * width as usize * output.samples();
        done += rows.read(&mut pixels[at..])?;
    }
    assert_eq!(rows.read(&mut pixels)?, 0);
    Ok((width, height, pixels))
}

fn worst(a: &[u8], b: &[u8]) -> u8 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| a.abs_diff(*b)).max().unwrap()
}

#[test]
fn pixels_survive_a_round_trip() {
    for (width, height) in [(1, 1), (7, 33), (64, 48)] {
        let jpeg = encode(width, height, Sampling::Full);
        let (w, h, pixels) = rows(&jpeg, Output::Rgb, Scale::Full).unwrap();
        assert_eq!((w, h), (width, height));
        assert!(worst(&pixels, &picture(width, height)) < 24, "{width}x{height}");
    }
}

#[test]
fn headers_and_scales() {
    let jpeg = encode(101, 50, Sampling::Half);
    let decoder = Decoder::from_bytes(&jpeg).unwrap();
    let header = decoder.header();
    assert_eq!((header.width, header.height, header.colour), (101, 50, Colour::YCbCr));
    assert_eq!(header.sampling, [(2, 2), (1, 1), (1, 1)]);
    assert!(!header.whole && !header.lossless && header.adobe_transform.is_none());
    assert!(decoder.exif().is_none());
    for (scale, size) in [(Scale::Half, (51, 25)), (Scale::Quarter, (26, 13)), (Scale::Eighth, (13, 7))] {
        let (w, h, _) = rows(&jpeg, Output::Gray, scale).unwrap();
        assert_eq!((w, h), size);
    }
}

/// Decodes a JPEG of at most 64 x 48 pixels to planes and encodes these again.
fn recode(jpeg: &[u8], sampling: Sampling, start: impl Fn(&mut Encoder, &Header)) -> Vec<u8> {
    let mut raw = Decoder::from_bytes(jpeg).unwrap().raw().unwrap();
    assert_eq!(raw.band_rows(), sampling.mcu());
    let mut encoder = Encoder::new().unwrap();
    start(&mut encoder, raw.header());
    let mut planes = vec![vec![0; 64 * 16]; 3];
    let mut done = 0;
    loop {
        let mut targets: Vec<_> = planes.iter_mut().map(|p| PlaneMut { data: p, stride: 64 }).collect();
        let got = raw.read(&mut targets).unwrap();
        if got == 0 {
            break;
        }
        done += got;
        let sources: Vec<_> = planes.iter().map(|p| Plane { data: p, stride: 64 }).collect();
        encoder.write(&sources).unwrap();
    }
    assert_eq!(done, raw.header().height);
    encoder.finish().unwrap().to_vec()
}

fn decoded(jpeg: &[u8]) -> Vec<u8> {
    rows(jpeg, Output::Rgb, Scale::Full).unwrap().2
}

/// Decoding to planes and encoding these again at the same quality gives nearly the same pixels.
#[test]
fn planes_pass_through() {
    for (sampling, (w, h)) in [(Sampling::Half, (53, 35)), (Sampling::Full, (53, 35)), (Sampling::Half, (64, 32))] {
        let jpeg = encode(w, h, sampling);
        let again = recode(&jpeg, sampling, |encoder, _| encoder.start(w, h, sampling, 95).unwrap());
        assert!(worst(&decoded(&jpeg), &decoded(&again)) < 12);
    }
}

/// Steps are odd multiples of the source's; where they stay the same, far more of it is kept than by others.
#[test]
fn steps_fit_those_of_the_source() {
    let (sampling, size) = (Sampling::Half, (64, 48));
    let mut encoder = Encoder::new().unwrap();
    for quality in [60, 80, 88, 92, 95, 98] {
        let jpeg = encoder.encode(size, &picture(size.0, size.1), sampling, quality).unwrap().to_vec();
        let plain = recode(&jpeg, sampling, |encoder, _| encoder.start(size.0, size.1, sampling, 85).unwrap());
        let fitted = recode(&jpeg, sampling, |encoder, header| {
            encoder.start_like(size.0, size.1, sampling, 85, &header.steps).unwrap();
        });
        let made = [&plain, &fitted].map(|again| -> u64 {
            decoded(&jpeg).iter().zip(decoded(again)).map(|(a, b)| u64::from(a.abs_diff(b)).pow(2)).sum()
        });
        let (from, to) = (steps(&jpeg), steps(&fitted));
        assert!(
            from.iter().zip(&to).all(|(from, to)| to % from == 0 && to / from % 2 == 1),
            "{quality}: {from:?} {to:?}"
        );
        assert_eq!(from == to, quality <= 92, "{quality}");
        assert!(quality > 92 || made[1] * 2 < made[0], "{quality}: {made:?}");
    }
}

fn steps(jpeg: &[u8]) -> Vec<u16> {
    let steps = Decoder::from_bytes(jpeg).unwrap().header().steps;
    [steps.luma, steps.colour].concat()
}

#[test]
fn files_are_read_in_pieces() {
    let jpeg = encode(900, 700, Sampling::Full);
    assert!(jpeg.len() > 100_000, "more than one piece");
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&jpeg).unwrap();
    file.rewind().unwrap();
    let mut decoder = Decoder::open(file).unwrap().rows(Output::Rgb, Scale::Full).unwrap();
    let mut pixels = vec![0; 900 * 700 * 3];
    assert_eq!(decoder.read(&mut pixels).unwrap(), 700);
    assert_eq!(pixels, rows(&jpeg, Output::Rgb, Scale::Full).unwrap().2);
}

#[test]
fn missing_data_is_an_error() {
    let jpeg = encode(200, 200, Sampling::Half);
    for keep in [3, 20, jpeg.len() / 3, jpeg.len() - 40] {
        let error = rows(&jpeg[..keep], Output::Rgb, Scale::Full).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Corrupt, "{keep} bytes: {error}");
    }
    // The end marker alone carries no pixels.
    assert!(rows(&jpeg[..jpeg.len() - 2], Output::Rgb, Scale::Full).is_ok());
    for none in [&b""[..], b"GIF89a", b"<html>"] {
        let kind = Decoder::from_bytes(none).err().unwrap().kind;
        assert_eq!(kind, if none.is_empty() { ErrorKind::Corrupt } else { ErrorKind::NotJpeg });
    }
}

/// Later scans only refine: nothing but the file's end tells that they are missing.
#[test]
fn missing_scans_are_an_error() {
    let jpeg = include_bytes!("data/progressive.jpg");
    assert!(Decoder::from_bytes(jpeg).unwrap().header().whole);
    assert_eq!(rows(jpeg, Output::Rgb, Scale::Full).unwrap().0, 60);
    for cut in [jpeg.len() / 2, jpeg.len() - 2] {
        assert_eq!(rows(&jpeg[..cut], Output::Rgb, Scale::Full).unwrap_err().kind, ErrorKind::Corrupt);
    }
}

#[test]
fn misuse_is_refused() {
    let mut encoder = Encoder::new().unwrap();
    assert_eq!(encoder.finish().unwrap_err().kind, ErrorKind::Misuse);
    encoder.start(64, 64, Sampling::Half, 85).unwrap();
    let small = [0; 64];
    let planes = [Plane { data: &small, stride: 64 }; 3];
    assert_eq!(encoder.write(&planes).unwrap_err().kind, ErrorKind::Misuse);
    assert!(encoder.finish().is_err(), "rows are missing");
    assert_eq!(encoder.encode((2, 2), &[0; 11], Sampling::Full, 85).unwrap_err().kind, ErrorKind::Misuse);
    assert!(encoder.encode((2, 2), &[0; 12], Sampling::Full, 85).is_ok(), "usable after errors");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    /// Damage may be noticed or not, but never does harm.
    #[test]
    fn damage_is_harmless(edits in prop::collection::vec((0usize..4000, any::<u8>()), 1..8)) {
        let mut jpeg = encode(96, 80, Sampling::Half);
        for (at, byte) in edits {
            let at = at % jpeg.len();
            jpeg[at] = byte;
        }
        let small = |h: &dlcs_jpeg::Header| u64::from(h.width) * u64::from(h.height) < 1_000_000;
        if Decoder::from_bytes(&jpeg).is_ok_and(|d| small(d.header())) {
            let _ = rows(&jpeg, Output::Rgb, Scale::Full);
            if let Ok(mut decoder) = Decoder::from_bytes(&jpeg) {
                let _ = (decoder.icc_profile(), decoder.exif().map(<[u8]>::len));
            }
        }
    }
}

/// Bands that are passed over change nothing in those that are read.
#[test]
fn bands_can_be_passed_over() {
    for sampling in [Sampling::Gray, Sampling::Full, Sampling::Half] {
        let gray: Vec<u8> = picture(120, 100).chunks(3).map(|pixel| pixel[0]).collect();
        let jpeg = match sampling {
            Sampling::Gray => Encoder::new().unwrap().encode((120, 100), &gray, sampling, 95).unwrap().to_vec(),
            Sampling::Full | Sampling::Half => encode(120, 100, sampling),
        };
        let read = |passed: &[u32]| {
            let mut raw = Decoder::from_bytes(&jpeg).unwrap().raw().unwrap();
            let mut bands = Vec::new();
            for band in 0..100_u32.div_ceil(sampling.mcu()) {
                let mut planes = vec![vec![7; 128 * 16]; sampling.components()];
                let mut targets: Vec<_> = planes.iter_mut().map(|p| PlaneMut { data: p, stride: 128 }).collect();
                let got = if passed.contains(&band) { raw.skip() } else { raw.read(&mut targets) };
                assert_eq!(got.unwrap(), (100 - band * sampling.mcu()).min(sampling.mcu()));
                bands.push(planes);
            }
            assert_eq!((raw.skip().unwrap(), raw.read(&mut []).unwrap()), (0, 0));
            bands
        };
        let (all, some) = (read(&[]), read(&[0, 1, 4]));
        assert_eq!((&some[2..4], &some[5..]), (&all[2..4], &all[5..]));
        assert!(some[0].concat().iter().all(|sample| *sample == 7), "nothing is written");
    }
    let cut = encode(120, 100, Sampling::Half);
    let mut raw = Decoder::from_bytes(&cut[..cut.len() / 2]).unwrap().raw().unwrap();
    assert!((0..7).any(|_| raw.skip().is_err()), "missing data is noticed");
}
