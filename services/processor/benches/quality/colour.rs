//! Colours of sources with profiles, as derivatives show them, beside those of `vips icc_transform` of the same file, which
//! is Little CMS.

use std::fs::File;
use std::path::Path;

use dlcs_imaging::derive::{self, Outputs};
use dlcs_imaging::source::Limits;

use crate::chart::{Chart, difference, patches};
use crate::vips::Folder;

/// Where profiles are looked for: of Debian's libgs-common and icc-profiles-free, and what else is wanted.
const FOLDERS: [&str; 2] = ["/usr/share/color/icc/ghostscript", "/usr/share/color/icc"];

/// Profiles and their channels. The first two are a part of libvips.
const PROFILES: [(&str, usize); 12] = [
    ("p3", 3),
    ("cmyk", 4),
    ("a98.icc", 3),
    ("compatibleWithAdobeRGB1998.icc", 3),
    ("rommrgb.icc", 3),
    ("LStar-RGB.icc", 3),
    ("default_cmyk.icc", 4),
    ("ps_cmyk.icc", 4),
    ("sgray.icc", 1),
    ("default_gray.icc", 1),
    ("Gray.icc", 1),
    ("Gray-CIE_L.icc", 1),
];

/// What the chart is stored as: a suffix, with options of `vips`, and whether in 16 bits.
const FILES: [(&str, bool); 5] = [
    ("png", false),
    ("png", true),
    ("tif[compression=deflate]", false),
    ("tif[compression=deflate]", true),
    ("jpg[Q=100,subsample_mode=off]", false),
];

fn find(name: &str) -> Option<String> {
    if !name.contains('.') {
        return Some(name.to_owned());
    }
    let more = std::env::var("DLCS_BENCH_PROFILES").ok();
    let folders = more.iter().map(String::as_str).chain(FOLDERS);
    folders
        .map(|folder| Path::new(folder).join(name))
        .find(|file| file.is_file())
        .map(|file| file.display().to_string())
}

/// Stores a chart with a profile; the file's name.
fn store(work: &Folder, chart: &Chart, profile: &str, (file, sixteen): (&str, bool)) -> Option<String> {
    let (suffix, options) = file.split_once('[').unwrap_or((file, "]"));
    if suffix == "png" && chart.channels == 4 {
        return None;
    }
    std::fs::write(work.file("chart.raw"), &chart.samples).unwrap();
    let Chart { side, channels, .. } = chart;
    work.vips(&format!("rawload chart.raw raw.v {side} {side} {channels}"));
    let names = if sixteen { ["grey16", "rgb16", "cmyk"] } else { ["b-w", "srgb", "cmyk"] };
    let interpretation = names[channels / 2];
    if sixteen {
        // 257 times as much: 255 becomes 65,535.
        work.vips("linear raw.v scaled.v 257 0");
        work.vips("cast scaled.v cast.v ushort");
    } else {
        work.vips("cast raw.v cast.v uchar");
    }
    work.vips(&format!("copy cast.v chart.v --interpretation {interpretation}"));
    let options = format!("[profile={profile},{options}").replace(",]", "]");
    work.vips(&format!("copy chart.v chart.{suffix}{options}"));
    Some(format!("chart.{suffix}"))
}

/// Mean, 99th percentile and largest of some differences, as a text.
fn summary(mut differences: Vec<f64>) -> String {
    if differences.is_empty() {
        return "none".to_owned();
    }
    differences.sort_by(f64::total_cmp);
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    let p99 = differences[(differences.len() - 1) * 99 / 100];
    let verdict = if mean > 1.0 || differences[differences.len() - 1] > 2.0 { " MISSED" } else { "" };
    format!("{mean:.2} {p99:.2} {:.2}{verdict}", differences[differences.len() - 1])
}

/// What the peer makes of a file with these options, and whether each patch lies inside sRGB, where nothing is clipped.
fn expected(work: &Folder, file: &str, options: &str) -> Option<Vec<([f64; 3], bool)>> {
    let done = work.tries(&format!("icc_transform {file} expected.v srgb --embedded --intent relative {options}"));
    let inside = |colour: [f64; 3]| (colour, colour.iter().all(|v| (1.0..=254.0).contains(v)));
    done.then(|| patches(&work.pixels("expected.v")).into_iter().map(inside).collect())
}

/// Prints a line for each profile and kind of file.
pub fn compare(work: &Folder) {
    println!(
        "colour: differences (CIEDE2000) of patches inside sRGB from vips icc_transform, mean, 99th percentile, largest"
    );
    println!(
        "profile                        file                          | inside | black as it is | black point compensated | outside"
    );
    for (profile, channels) in PROFILES {
        let Some(path) = find(profile) else {
            println!("{profile:<30} is not installed");
            continue;
        };
        let chart = Chart::new(channels);
        for file in FILES {
            let Some(stored) = store(work, &chart, &path, file) else { continue };
            let outputs = Outputs::create(&work.path().join("ours.tif"), work.path()).unwrap();
            let source = File::open(work.file(&stored)).unwrap();
            derive::open(source, &Limits::default()).unwrap().derive(&outputs, None).unwrap();
            let ours = patches(&work.pixels("ours.tif[page=0]"));
            let (plain, compensated) = ("", "--black-point-compensation");
            let Some(wanted) = expected(work, &stored, plain) else { continue };
            let from = |wanted: &[([f64; 3], bool)], side: bool| {
                let pairs = ours.iter().zip(wanted).filter(|(_, (_, inside))| *inside == side);
                summary(pairs.map(|(ours, (wanted, _))| difference(*ours, *wanted)).collect())
            };
            let count = wanted.iter().filter(|(_, inside)| *inside).count();
            let other = expected(work, &stored, compensated).map(|wanted| from(&wanted, true)).unwrap_or_default();
            let kind = format!("{}{}", file.0, if file.1 { ", 16 bits" } else { "" });
            println!(
                "{profile:<30} {kind:<40} | {count:>4} | {} | {other} | {}",
                from(&wanted, true),
                from(&wanted, false)
            );
        }
    }
}
